// From the bytes of a .spz file, version 3, to what the graphics card gets: a row of 32-bit words a Gaussian.
// Numbers stay as they are stored, in bytes; only positions become floating point.

const WORDS_BEFORE_SH = 6; // position, rotation, scales and opacity, colour
const COEFFICIENTS = [0, 3, 8, 15]; // beside the constant colour, by degree
const FRACTION_SIZE = 3;

function bytesOfText(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const clean = text.replace(/\s+/g, "");
  const padding = clean.endsWith("==") ? 2 : clean.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((clean.length / 4) * 3 - padding);
  const piece = 1 << 16; // a text as long as the scene would be held twice
  for (let at = 0, to = 0; at < clean.length; at += piece) {
    const decoded = atob(clean.slice(at, at + piece));
    for (let i = 0; i < decoded.length; i++) bytes[to++] = decoded.charCodeAt(i);
  }
  return bytes;
}

async function unzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// { count, degree, positions: Float32Array, words: Uint32Array, wordsEach } of the bytes of a scene.
function decode(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = view.getUint32(8, true);
  const degree = data[12];
  const unit = 2 ** -data[13];
  const shBytes = FRACTION_SIZE * COEFFICIENTS[degree];
  let at = 16;
  const part = (width) => data.subarray(at, (at += width * count));
  const places = part(9), opacities = part(1), colors = part(3), scales = part(3), turns = part(4), sh = part(shBytes);
  const wordsEach = 4 * Math.ceil((WORDS_BEFORE_SH + shBytes / 4) / 4); // whole texels of four words
  const words = new Uint32Array(count * wordsEach);
  const bytes = new Uint8Array(words.buffer);
  const positions = new Float32Array(3 * count);
  const floats = new Float32Array(words.buffer);
  for (let i = 0; i < count; i++) {
    const word = i * wordsEach, byte = 4 * word;
    for (let axis = 0; axis < 3; axis++) {
      const from = 9 * i + 3 * axis;
      // The highest byte has the sign.
      const steps = places[from] | (places[from + 1] << 8) | ((places[from + 2] << 24) >> 8);
      floats[word + axis] = positions[3 * i + axis] = steps * unit;
    }
    for (let k = 0; k < 4; k++) bytes[byte + 12 + k] = turns[4 * i + k];
    for (let k = 0; k < 3; k++) bytes[byte + 16 + k] = scales[3 * i + k];
    bytes[byte + 19] = opacities[i];
    for (let k = 0; k < 3; k++) bytes[byte + 20 + k] = colors[3 * i + k];
    bytes.set(sh.subarray(shBytes * i, shBytes * (i + 1)), byte + 4 * WORDS_BEFORE_SH);
  }
  return { count, degree, positions, words, wordsEach };
}
