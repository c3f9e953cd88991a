// Detection with onnxruntime-web, in a page or in Node. `session` is an open InferenceSession of an exported graph.

// The size to which an image is resized, and that of the canvas around it; `scale` as gridrt inspect shows it.
export function sizes(width, height, scale) {
  const [long, short] = [Math.max(...scale), Math.min(...scale)];
  const factor = Math.min(long / Math.max(width, height), short / Math.min(width, height));
  const [w, h] = [width, height].map((side) => Math.max(Math.floor(side * factor + 0.5), 1));
  return { width: w, height: h, paddedWidth: Math.ceil(w / 32) * 32, paddedHeight: Math.ceil(h / 32) * 32 };
}

// `rgba`: a resized image, width x height x 4 bytes. `factors`: resized over original size, horizontal and vertical.
export async function detect(ort, session, rgba, { width, height, paddedWidth, paddedHeight }, factors, threshold = 0.3) {
  const pixels = new Uint8Array(paddedHeight * paddedWidth * 3); // zeros right and below
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) pixels[(y * paddedWidth + x) * 3 + c] = rgba[(y * width + x) * 4 + c];
    }
  }
  const { boxes, scores, labels } = await session.run({
    images: new ort.Tensor("uint8", pixels, [1, paddedHeight, paddedWidth, 3]),
    image_sizes: new ort.Tensor("int32", Int32Array.of(height, width), [1, 2]),
  });
  const found = [];
  for (let i = 0; i < scores.data.length && scores.data[i] >= threshold; i++) {
    const box = Array.from(boxes.data.slice(4 * i, 4 * i + 4), (side, axis) => side / factors[axis % 2]);
    found.push({ label: labels.data[i], score: scores.data[i], box });
  }
  return found;
}
