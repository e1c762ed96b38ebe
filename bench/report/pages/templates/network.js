"use strict";

// The networks: weights out of the page, and one image through the layers. Arrays are channels, rows, columns.
const networks = (() => {
  function bytes(base64) {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  }

  // Float16 as IEEE 754 lays it out: a sign, five bits of exponent, ten of fraction.
  function halves(raw) {
    const view = new DataView(raw.buffer);
    return Float32Array.from({ length: raw.length / 2 }, (_, index) => {
      const bits = view.getUint16(2 * index, true);
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction);
    });
  }

  // The model as it stands in the page, with weight and bias of each layer cut out of the one long row.
  function load(model) {
    const weights = halves(bytes(model.weights));
    let start = 0;
    const cut = (length) => weights.subarray(start, (start += length));
    const layers = model.layers.map((layer) => {
      if (!layer.shape.length) return layer;
      const size = layer.shape.reduce((product, side) => product * side, 1);
      return { ...layer, weight: cut(size), bias: cut(layer.shape[0]) };
    });
    return { ...model, weights: null, layers };
  }

  function conv2d(input, layer) {
    const [height, width] = input.shape.slice(1);
    const [outputs, channels, rows, columns] = layer.shape;
    const [down, right] = layer.stride;
    const [top, left] = layer.padding;
    const tall = Math.floor((height + 2 * top - rows) / down) + 1;
    const wide = Math.floor((width + 2 * left - columns) / right) + 1;
    const values = new Float32Array(outputs * tall * wide);
    for (let output = 0; output < outputs; output++) {
      const plane = values.subarray(output * tall * wide, (output + 1) * tall * wide).fill(layer.bias[output]);
      for (let channel = 0; channel < channels; channel++) {
        const source = input.values.subarray(channel * height * width, (channel + 1) * height * width);
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const weight = layer.weight[((output * channels + channel) * rows + row) * columns + column];
            // only where the window lies within the picture: what is beyond its edge is zero
            const first = Math.max(0, Math.ceil((left - column) / right));
            const last = Math.min(wide - 1, Math.floor((width - 1 + left - column) / right));
            for (let y = 0; y < tall; y++) {
              const from = y * down - top + row;
              if (from < 0 || from >= height) continue;
              const offset = from * width - left + column;
              for (let x = first; x <= last; x++) plane[y * wide + x] += weight * source[offset + x * right];
            }
          }
        }
      }
    }
    return { shape: [outputs, tall, wide], values };
  }

  function maxPool2d(input, layer) {
    const [channels, height, width] = input.shape;
    const [rows, columns] = layer.size;
    const [down, right] = layer.stride;
    const [top, left] = layer.padding;
    const tall = Math.floor((height + 2 * top - rows) / down) + 1;
    const wide = Math.floor((width + 2 * left - columns) / right) + 1;
    const values = new Float32Array(channels * tall * wide).fill(-Infinity);
    for (let channel = 0, place = 0; channel < channels; channel++) {
      for (let y = 0; y < tall; y++) {
        for (let x = 0; x < wide; x++, place++) {
          for (let row = Math.max(0, y * down - top); row < Math.min(height, y * down - top + rows); row++) {
            const offset = (channel * height + row) * width;
            for (let column = Math.max(0, x * right - left); column < Math.min(width, x * right - left + columns); column++) {
              if (input.values[offset + column] > values[place]) values[place] = input.values[offset + column];
            }
          }
        }
      }
    }
    return { shape: [channels, tall, wide], values };
  }

  function linear(input, layer) {
    const [outputs, inputs] = layer.shape;
    const values = new Float32Array(outputs);
    for (let output = 0; output < outputs; output++) {
      let sum = layer.bias[output];
      const offset = output * inputs;
      for (let index = 0; index < inputs; index++) sum += layer.weight[offset + index] * input.values[index];
      values[output] = sum;
    }
    return { shape: [outputs], values };
  }

  const kinds = {
    conv2d,
    max_pool2d: maxPool2d,
    linear,
    flatten: (input) => ({ shape: [input.values.length], values: input.values }),
    relu: (input) => ({ shape: input.shape, values: input.values.map((value) => Math.max(0, value)) }),
    tanh: (input) => ({ shape: input.shape, values: input.values.map(Math.tanh) }),
  };

  // Ten probabilities for 784 pixels between 0 and 255.
  function probabilities(model, pixels) {
    const values = Float32Array.from(pixels, (pixel) => (pixel / 255 - model.mean) / model.std);
    let flow = { shape: [1, 28, 28], values };
    for (const layer of model.layers) flow = kinds[layer.kind](flow, layer);
    const highest = Math.max(...flow.values);
    const powers = Array.from(flow.values, (logit) => Math.exp(logit - highest));
    const sum = powers.reduce((total, power) => total + power, 0);
    return powers.map((power) => power / sum);
  }

  return { bytes, load, probabilities };
})();
