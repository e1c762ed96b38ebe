"""What went on around a trial: other programs' load, and the state of the GPU before and after."""

from bench.records.fields import Count, Fraction, Name, RecordPart, Seconds


class GpuState(RecordPart):
    """State of the GPU at one moment, as its driver reports it; null where it does not.

    ``throttle_reasons`` names what slows the clocks now, ``throttled_s`` counts the time that power or heat has taken
    from them since the driver was loaded.
    """

    clock_mhz: Count | None = None
    memory_clock_mhz: Count | None = None
    temperature_celsius: Count | None = None
    throttle_reasons: list[Name] | None = None
    throttled_s: Seconds | None = None
    other_processes: Count | None = None


class Surroundings(RecordPart):
    """Load around a trial: ``other_cpu_share`` is other programs' share of the machine's CPU time meanwhile."""

    other_cpu_share: Fraction | None = None
    gpu_before: GpuState | None = None
    gpu_after: GpuState | None = None

    @property
    def throttled(self) -> bool:
        """Whether power or heat slowed the GPU's clocks during the trial, or just before or after it."""
        states = [state for state in (self.gpu_before, self.gpu_after) if state]
        times = [state.throttled_s for state in states if state.throttled_s is not None]
        return any(state.throttle_reasons for state in states) or (len(times) == 2 and times[1] > times[0])

    def shared(self, cpu_share: float) -> bool:
        """Tell whether another program was on the GPU, or took more than ``cpu_share`` of the CPU time."""
        on_gpu = any(state.other_processes for state in (self.gpu_before, self.gpu_after) if state)
        return on_gpu or (self.other_cpu_share or 0) > cpu_share
