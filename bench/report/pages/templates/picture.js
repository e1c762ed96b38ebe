"use strict";

// Pictures of 28 x 28 pixels as 784 numbers, row by row: 0 to 1 while they are changed, 0 to 255 as the models see them.
const picture = (() => {
  const SIDE = 28;
  const MIDDLE = (SIDE - 1) / 2;
  const SEED_OF_ORDER = 28;

  // Evenly spread numbers between 0 and 1, the same for the same seed: a linear congruence modulo the prime 2^31 - 1.
  function randoms(seed) {
    let state = (seed * 7919 + 12345) % 2147483647;
    const next = () => (state = (state * 48271) % 2147483647) / 2147483647;
    for (let skipped = 0; skipped < 10; skipped++) next();
    return next;
  }

  // A standard normal number for each pixel (Box and Muller).
  function noise(seed) {
    const next = randoms(seed);
    const normal = () => Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next());
    return Float32Array.from({ length: SIDE * SIDE }, normal);
  }

  // Which pixel stands at each place when all change places: Fisher and Yates's shuffle.
  function order() {
    const next = randoms(SEED_OF_ORDER);
    const places = Uint16Array.from({ length: SIDE * SIDE }, (_, index) => index);
    for (let last = places.length - 1; last > 0; last--) {
      const other = Math.floor(next() * (last + 1));
      [places[last], places[other]] = [places[other], places[last]];
    }
    return places;
  }

  // Scaled and turned clockwise about the middle, then shifted; bilinear, black beyond the edge.
  function moved(pixels, { right, down, degrees, scale }) {
    const cosine = Math.cos((degrees * Math.PI) / 180) / scale;
    const sine = Math.sin((degrees * Math.PI) / 180) / scale;
    const at = (x, y) => (x >= 0 && x < SIDE && y >= 0 && y < SIDE ? pixels[y * SIDE + x] : 0);
    const result = new Float32Array(SIDE * SIDE);
    for (let y = 0, place = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++, place++) {
        // where this pixel comes from
        const across = x - MIDDLE - right;
        const along = y - MIDDLE - down;
        const fromX = MIDDLE + cosine * across + sine * along;
        const fromY = MIDDLE - sine * across + cosine * along;
        const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
        const [u, v] = [fromX - left, fromY - top];
        result[place] =
          (1 - v) * ((1 - u) * at(left, top) + u * at(left + 1, top)) +
          v * ((1 - u) * at(left, top + 1) + u * at(left + 1, top + 1));
      }
    }
    return result;
  }

  // What the models see: moved, with noise on it, cut to [0, 1], rounded to 256 greys, in another order if asked.
  function seen(pixels, change, pattern, places) {
    const here = moved(pixels, change);
    const greys = Uint8Array.from(here, (value, place) => {
      const noisy = value + change.noise * pattern[place];
      return Math.round(255 * Math.min(1, Math.max(0, noisy)));
    });
    return change.shuffled ? Uint8Array.from(places, (place) => greys[place]) : greys;
  }

  // Ink along a line between two points, in pixels; soft at its edge, as pens are in the data set.
  function stroke(pixels, from, to, radius = 1.1) {
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = dx * dx + dy * dy;
    for (let y = 0, place = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++, place++) {
        const along = length ? Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / length)) : 0;
        const distance = Math.hypot(x - from.x - along * dx, y - from.y - along * dy);
        pixels[place] = Math.max(pixels[place], Math.min(1, Math.max(0, radius + 0.5 - distance)));
      }
    }
  }

  function show(canvas, greys) {
    const image = new ImageData(SIDE, SIDE);
    greys.forEach((grey, place) => image.data.set([grey, grey, grey, 255], 4 * place));
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  return { SIDE, noise, order, moved, seen, stroke, show };
})();
