"use strict";

// A pen on a canvas of 28 x 28 pixels, led by a mouse, a finger, or the arrow keys and the space bar.
const pens = (() => {
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const inside = (value) => Math.min(picture.SIDE - 1, Math.max(0, Math.round(value)));

  // Calls ink(from, to) for each piece of a stroke, and moved() whenever the picture is to be shown again.
  function hold(pad, { ink, moved }) {
    const pen = { x: 14, y: 8, down: false, byKeys: false };

    function draw(to) {
      ink({ x: pen.x, y: pen.y }, to);
      Object.assign(pen, to);
      moved();
    }

    function under(event) {
      const box = pad.getBoundingClientRect();
      const along = (value, start, length) => ((value - start) / length) * picture.SIDE - 0.5;
      return { x: along(event.clientX, box.left, box.width), y: along(event.clientY, box.top, box.height) };
    }

    pad.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      pad.setPointerCapture(event.pointerId);
      Object.assign(pen, under(event), { down: true, byKeys: false });
      draw(under(event));
    });
    pad.addEventListener("pointermove", (event) => {
      if (pen.down && !pen.byKeys) draw(under(event));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pad.addEventListener(end, () => (pen.down = pen.down && pen.byKeys));
    }

    pad.addEventListener("keydown", (event) => {
      if (event.key !== " " && !(event.key in STEPS)) return;
      event.preventDefault();
      if (!pen.byKeys) Object.assign(pen, { x: inside(pen.x), y: inside(pen.y), down: false, byKeys: true });
      if (event.key === " ") pen.down = !pen.down;
      const [right, below] = STEPS[event.key] ?? [0, 0];
      const to = { x: inside(pen.x + right), y: inside(pen.y + below) };
      if (pen.down) draw(to);
      Object.assign(pen, to);
      moved();
    });
    pad.addEventListener("blur", () => {
      Object.assign(pen, { byKeys: false, down: false });
      moved();
    });

    // Where the pen is, as long as keys lead it: orange while it writes, blue while it is lifted.
    function show() {
      if (!pen.byKeys) return;
      const context = pad.getContext("2d");
      context.fillStyle = pen.down ? "#ff9d00" : "#4fb3ff";
      context.fillRect(pen.x, pen.y, 1, 1);
    }

    return { show };
  }

  return { hold };
})();
