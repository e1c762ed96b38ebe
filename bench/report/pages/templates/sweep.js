"use strict";

// The curves: the probability of the right digit along one slider, everything else as it is set.
const sweep = (() => {
  function positions(slider) {
    const [low, high, step] = [Number(slider.min), Number(slider.max), Number(slider.dataset.sweep)];
    const count = Math.round((high - low) / step);
    return Array.from({ length: count + 1 }, (_, index) => low + index * step);
  }

  // Where, around the slider's own start, the model's answer stays right: first and last position, or nothing.
  function rightAround(start, places, right) {
    const nearest = places.reduce((best, place, at) => (Math.abs(place - start) < Math.abs(places[best] - start) ? at : best), 0);
    if (!right[nearest]) return null;
    let [first, last] = [nearest, nearest];
    while (first > 0 && right[first - 1]) first--;
    while (last < places.length - 1 && right[last + 1]) last++;
    return [places[first], places[last]];
  }

  function element(svg, name, attributes) {
    const made = document.createElementNS(svg.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  // One line per model, each a row of probabilities, and a mark where the slider stands now.
  function draw(svg, rows, colours) {
    svg.replaceChildren(element(svg, "line", { class: "half", x1: 0, x2: 100, y1: 50, y2: 50 }));
    rows.forEach((row, model) => {
      const points = row.map((value, at) => `${(100 * at) / (row.length - 1)},${(100 - 98 * value - 1).toFixed(2)}`);
      const line = element(svg, "polyline", { class: `line-${model % 4}`, points: points.join(" ") });
      line.style.setProperty("--model", colours[model]);
      svg.append(line);
    });
    svg.append(element(svg, "line", { class: "here", y1: 0, y2: 100 }));
  }

  function mark(svg, slider) {
    const share = (100 * (slider.value - slider.min)) / (slider.max - slider.min);
    const here = svg.querySelector(".here");
    for (const end of ["x1", "x2"]) here?.setAttribute(end, share);
  }

  return { positions, rightAround, draw, mark };
})();
