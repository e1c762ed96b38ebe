"use strict";

// The page: what is set, what is drawn, and what is said.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const models = data.models.map(networks.load);
  const find = (id) => document.getElementById(id);
  const [pad, seenCanvas, chosenLabel] = [find("pad"), find("seen"), find("label")];
  const order = picture.order();
  const AREA = picture.SIDE * picture.SIDE;

  const signed = (value, digits) => `${value < 0 ? "−" : ""}${Math.abs(value).toFixed(digits)}`;
  const SLIDERS = {
    right: { title: "the sideways shift", words: (value) => `${signed(value, 1)} px` },
    down: { title: "the shift up or down", words: (value) => `${signed(value, 1)} px` },
    degrees: { title: "the turn", words: (value) => `${signed(value, 0)}°` },
    scale: { title: "the size", words: (value) => `× ${value.toFixed(2)}` },
    noise: { title: "the noise", words: (value) => value.toFixed(2) },
  };
  const sliderOf = (name) => find(name);

  const now = { base: new Float32Array(AREA), label: null, noiseSeed: 1, pattern: picture.noise(1), swept: "right" };

  function change() {
    const values = Object.keys(SLIDERS).map((name) => [name, Number(sliderOf(name).value)]);
    return { ...Object.fromEntries(values), shuffled: find("shuffled").checked };
  }

  const seen = (changed = change()) => picture.seen(now.base, changed, now.pattern, order);
  const best = (probabilities) => probabilities.indexOf(Math.max(...probabilities));
  const percent = (probability) => `${(100 * probability).toFixed(1)}\u00a0%`;

  // Words for an answer: right or wrong where the right one is known.
  function verdict(answer) {
    if (now.label === null) return { kind: "", words: "" };
    if (answer === now.label) return { kind: "right", words: "✓ right" };
    return { kind: "wrong", words: `✗ wrong, it is a ${now.label}` };
  }

  function showModel(card, strip, probabilities) {
    const answer = best(probabilities);
    const { kind, words } = verdict(answer);
    card.querySelector(".says").textContent = `Says ${answer}, ${percent(probabilities[answer])} sure`;
    const told = card.querySelector(".verdict");
    told.textContent = words;
    told.className = `verdict ${kind}`;
    card.querySelectorAll(".bars li").forEach((item, digit) => {
      const value = probabilities[digit];
      item.querySelector(".spoken").textContent = `${digit}: ${percent(value)}`;
      item.querySelector(".percent").textContent = value >= 0.005 ? Math.round(100 * value) : "";
      item.querySelector(".bar").style.transform = `scaleY(${value})`;
      item.classList.toggle("top", digit === answer);
      item.classList.toggle("true", digit === now.label);
    });
    strip.textContent = `${answer}${{ right: " ✓", wrong: " ✗" }[kind] ?? ""} ${Math.round(100 * probabilities[answer])} %`;
  }

  const cards = [...document.querySelectorAll(".model")];
  const strips = [...document.querySelectorAll(".strip b")];

  function update() {
    const changed = change();
    const greys = seen(changed);
    picture.show(seenCanvas, greys);
    picture.show(pad, Uint8Array.from(now.base, (value) => Math.round(255 * value)));
    pen.show();
    const said = models.map((model, index) => {
      const probabilities = networks.probabilities(model, greys);
      showModel(cards[index], strips[index], probabilities);
      return `${model.name} says ${best(probabilities)}${verdict(best(probabilities)).words.replace(/^. /, ", ")}`;
    });
    for (const [name, { words }] of Object.entries(SLIDERS)) {
      find(`${name}-value`).textContent = words(changed[name]);
      sliderOf(name).setAttribute("aria-valuetext", words(changed[name]));
    }
    announce(`${said.join("; ")}.`);
    refreshCurves(changed);
  }

  // Screen readers hear the answers once the hand rests, not at every step of a slider.
  let pause = 0;
  function announce(words) {
    clearTimeout(pause);
    pause = setTimeout(() => (find("status").textContent = words), 700);
  }

  let waiting = false;
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  }

  // The curves do not depend on the slider they run along, so moving it moves the mark alone.
  let [curvesFor, job] = ["", 0];
  function refreshCurves(changed) {
    const slider = sliderOf(now.swept);
    const about = JSON.stringify([now.swept, { ...changed, [now.swept]: null }, now.noiseSeed, now.label, [...now.base]]);
    sweep.mark(find("sweep"), slider);
    if (about === curvesFor) return;
    curvesFor = about;
    clearTimeout(job);
    document.querySelector(".sweep").hidden = now.label === null;
    if (now.label !== null) job = setTimeout(() => compute(slider, changed, sweep.positions(slider), []), 120);
  }

  // One position at a time, so that a slider in motion never waits for a curve.
  function compute(slider, changed, places, rows) {
    if (rows.length < places.length) {
      const greys = seen({ ...changed, [now.swept]: places[rows.length] });
      rows.push(models.map((model) => networks.probabilities(model, greys)));
      job = setTimeout(() => compute(slider, changed, places, rows), 0);
      return;
    }
    const svg = find("sweep");
    const curves = models.map((_, model) => rows.map((row) => row[model][now.label]));
    sweep.draw(svg, curves, data.models.map((model) => model.colour));
    sweep.mark(svg, slider);
    const { title, words } = SLIDERS[now.swept];
    find("sweep-words").textContent =
      `Probability of the right digit, ${now.label}, along ${title}, all else as it is set. The line marks where you are.`;
    document.querySelectorAll(".legend li > span").forEach((item, model) => {
      const right = rows.map((row) => best(row[model]) === now.label);
      const range = sweep.rightAround(Number(slider.defaultValue), places, right);
      const from = words(Number(slider.defaultValue));
      item.textContent = range ? `correct from ${words(range[0])} to ${words(range[1])}` : `wrong already at ${from}`;
    });
    const ends = [Number(slider.min), (Number(slider.min) + Number(slider.max)) / 2, Number(slider.max)];
    document.querySelectorAll(".plot .x span").forEach((item, at) => (item.textContent = words(ends[at])));
  }

  // --- a digit -------------------------------------------------------------------------------------------------

  const digits = networks.bytes(data.digits.pixels);
  const thumbs = [...document.querySelectorAll(".thumb")];

  function take(index) {
    now.base = Float32Array.from(digits.subarray(index * AREA, (index + 1) * AREA), (grey) => grey / 255);
    now.label = data.digits.labels[index];
    thumbs.forEach((thumb, other) => thumb.setAttribute("aria-pressed", String(other === index)));
    find("own").hidden = true;
    soon();
  }

  // From the first stroke on the picture is the visitor's own, and nobody knows what it is.
  function own() {
    if (!find("own").hidden) return;
    now.label = null;
    chosenLabel.value = "";
    thumbs.forEach((thumb) => thumb.setAttribute("aria-pressed", "false"));
    find("own").hidden = false;
  }

  thumbs.forEach((thumb, index) => {
    picture.show(thumb.firstElementChild, digits.subarray(index * AREA, (index + 1) * AREA));
    thumb.addEventListener("click", () => take(index));
  });
  find("blank").addEventListener("click", () => {
    find("own").hidden = true;
    own();
    now.base = new Float32Array(AREA);
    soon();
  });
  const pen = pens.hold(pad, {
    ink(from, to) {
      own();
      picture.stroke(now.base, from, to);
    },
    moved: soon,
  });
  chosenLabel.addEventListener("change", () => {
    now.label = chosenLabel.value === "" ? null : Number(chosenLabel.value);
    soon();
  });

  // --- changes -------------------------------------------------------------------------------------------------

  function drawNoise(seed) {
    now.noiseSeed = seed;
    now.pattern = picture.noise(seed);
  }

  function undo() {
    for (const name of Object.keys(SLIDERS)) sliderOf(name).value = sliderOf(name).defaultValue;
    find("shuffled").checked = false;
    drawNoise(1);
    soon();
  }

  for (const name of Object.keys(SLIDERS)) {
    sliderOf(name).addEventListener("input", () => {
      now.swept = name;
      soon();
    });
  }
  find("shuffled").addEventListener("change", soon);
  find("reset").addEventListener("click", undo);
  find("again").addEventListener("click", () => {
    drawNoise(now.noiseSeed + 1);
    soon();
  });
  document.querySelectorAll("[data-try]").forEach((button) => {
    button.addEventListener("click", () => {
      undo();
      for (const [name, value] of Object.entries(JSON.parse(button.dataset.try))) {
        if (name === "shuffled") find(name).checked = value;
        else sliderOf(name).value = value;
        if (name in SLIDERS) now.swept = name;
      }
      find("digit-heading").scrollIntoView({ block: "start" });
    });
  });

  // --- for tests, and for the curious at the console -----------------------------------------------------------

  function probabilities(name, pixels) {
    const model = models.find((each) => each.name === name);
    if (!model) throw new Error(`no model ${name}: there are ${models.map((each) => each.name).join(", ")}`);
    return networks.probabilities(model, pixels);
  }
  window.playground = { models: models.map((model) => model.name), probabilities, seen: () => [...seen()], take, update };

  // A browser that goes back to the page puts old values into its controls.
  undo();
  take(data.digits.labels.indexOf(7));
})();
