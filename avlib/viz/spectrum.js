// Spectrograms in the browser. Cell (column k, row f) lies at k * bins + f.
window.avlib = window.avlib || {};
window.avlib.spectrum = window.avlib.spectrum || (() => {
  const tables = {};
  const table = (n) => {
    if (tables[n]) return tables[n];
    const made = { cos: new Float64Array(n / 2), sin: new Float64Array(n / 2), swap: new Uint32Array(n), hann: new Float64Array(n) };
    for (let k = 0; k < n; k += 1) {
      if (k < n / 2) { made.cos[k] = Math.cos(2 * Math.PI * k / n); made.sin[k] = Math.sin(2 * Math.PI * k / n); }
      made.swap[k] = (made.swap[k >> 1] >> 1) | (k & 1 ? n >> 1 : 0);
      made.hann[k] = 0.5 - 0.5 * Math.cos(2 * Math.PI * k / n);
    }
    return (tables[n] = made);
  };
  // In place, n a power of two; sign -1 is the transform, +1 the inverse times n.
  const fft = (re, im, sign) => {
    const n = re.length, { cos, sin, swap } = table(n);
    for (let i = 0; i < n; i += 1) {
      const j = swap[i];
      if (j > i) { let t = re[i]; re[i] = re[j]; re[j] = t; t = im[i]; im[i] = im[j]; im[j] = t; }
    }
    for (let half = 1; half < n; half *= 2) {
      const step = n / (2 * half);
      for (let k = 0; k < half; k += 1) {
        const c = cos[k * step], s = sign * sin[k * step];
        for (let i = k; i < n; i += 2 * half) {
          const j = i + half, x = re[j] * c - im[j] * s, y = re[j] * s + im[j] * c;
          re[j] = re[i] - x; im[j] = im[i] - y; re[i] += x; im[i] += y;
        }
      }
    }
  };
  // Hann window, centred columns, zeros beyond the ends. Two real columns make one complex one.
  const stft = (wave, n, hop) => {
    const bins = n / 2 + 1, columns = Math.floor(wave.length / hop) + 1, { hann } = table(n);
    const re = new Float32Array(columns * bins), im = new Float32Array(columns * bins);
    const a = new Float64Array(n), b = new Float64Array(n);
    for (let k = 0; k < columns; k += 2) {
      for (let i = 0, at = k * hop - n / 2; i < n; i += 1, at += 1) {
        a[i] = at >= 0 && at < wave.length ? hann[i] * wave[at] : 0;
        b[i] = at + hop >= 0 && at + hop < wave.length ? hann[i] * wave[at + hop] : 0;
      }
      fft(a, b, -1);
      for (let f = 0, p = k * bins; f < bins; f += 1, p += 1) {
        const g = (n - f) % n;
        re[p] = (a[f] + a[g]) / 2; im[p] = (b[f] - b[g]) / 2;
        if (k + 1 < columns) { re[p + bins] = (b[f] + b[g]) / 2; im[p + bins] = (a[g] - a[f]) / 2; }
      }
    }
    return { re, im, bins, columns, n, hop };
  };
  // Back, each cell times its mask: overlap-add with the same window, divided by the squares' sum.
  const istft = ({ re, im, bins, columns, n, hop }, mask, length) => {
    const { hann } = table(n), sum = new Float64Array(length), weight = new Float64Array(length);
    const a = new Float64Array(n), b = new Float64Array(n);
    for (let k = 0; k < columns; k += 2) {
      const two = k + 1 < columns;
      for (let f = 0, p = k * bins; f < bins; f += 1, p += 1) {
        const x = re[p] * mask[p], y = im[p] * mask[p], q = p + bins;
        const u = two ? re[q] * mask[q] : 0, v = two ? im[q] * mask[q] : 0, g = (n - f) % n;
        a[f] = x - v; b[f] = y + u;
        if (g !== f) { a[g] = x + v; b[g] = u - y; }
      }
      fft(a, b, 1);
      for (let i = 0, at = k * hop - n / 2; i < n; i += 1, at += 1) {
        const w = hann[i];
        if (at >= 0 && at < length) { sum[at] += w * a[i] / n; weight[at] += w * w; }
        if (two && at + hop >= 0 && at + hop < length) { sum[at + hop] += w * b[i] / n; weight[at + hop] += w * w; }
      }
    }
    return Float32Array.from(sum, (x, i) => (weight[i] > 1e-8 ? x / weight[i] : 0));
  };
  // A windowed-sinc interpolation: browsers only draw straight lines between samples.
  const upsample = (wave, factor) => {
    if (factor < 2) return wave;
    const reach = 12, made = new Float32Array(wave.length * factor);
    for (let phase = 0; phase < factor; phase += 1) {
      const taps = Float64Array.from({ length: 2 * reach }, (_, i) => {
        const d = phase / factor - (i - reach + 1);
        const bell = Math.cos(Math.PI * d / (2 * reach + 1)) ** 2;
        return (d ? Math.sin(Math.PI * d) / (Math.PI * d) : 1) * bell;
      });
      for (let k = 0; k < wave.length; k += 1) {
        let sum = 0;
        for (let i = Math.max(0, reach - 1 - k), j = k + i - reach + 1; i < 2 * reach && j < wave.length; i += 1, j += 1) sum += taps[i] * wave[j];
        made[k * factor + phase] = sum;
      }
    }
    return made;
  };
  const colours = (anchors) => Uint8ClampedArray.from({ length: 768 }, (_, i) => {
    const at = Math.floor(i / 3) / 255 * (anchors.length / 6 - 1), k = Math.min(Math.floor(at), anchors.length / 6 - 2);
    const value = (j) => parseInt(anchors.substr(6 * j + 2 * (i % 3), 2), 16);
    return value(k) + (at - k) * (value(k + 1) - value(k));
  });
  const magma = colours('0000040a08221d114736106b51127c6a1c818326819c2e7fb73779d0416fe75263f56b5cfc8961fea772fec488fde2a3fcfdbf');
  const shade = (power, peak, floor) => (power > 0 ? Math.max(0, Math.min(255, 255 * (1 - 10 * Math.log10(power / peak) / floor))) : 0) | 0;
  // One pixel a cell, low rows at the bottom; colour(cell, rgb) fills in three bytes.
  const paint = (canvas, { bins, columns }, rows, colour) => {
    canvas.width = columns;
    canvas.height = rows;
    const paper = canvas.getContext('2d'), image = paper.createImageData(columns, rows), rgb = [0, 0, 0];
    for (let k = 0; k < columns; k += 1) {
      for (let f = 0; f < rows; f += 1) {
        colour(k * bins + f, rgb);
        const p = 4 * ((rows - 1 - f) * columns + k);
        image.data[p] = rgb[0]; image.data[p + 1] = rgb[1]; image.data[p + 2] = rgb[2]; image.data[p + 3] = 255;
      }
    }
    paper.putImageData(image, 0, 0);
  };
  return { fft, stft, istft, upsample, magma, shade, paint };
})();
