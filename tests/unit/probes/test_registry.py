from bench.probes.registry import PROBES, probe_fingerprint


def test_every_probe_is_a_module_with_a_source() -> None:
    assert len({probe_fingerprint(name) for name in PROBES}) == len(PROBES)
