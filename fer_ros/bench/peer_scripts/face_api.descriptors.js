// @vladmandic/face-api: what its face recognition makes of faces, in clean pictures and in anonymized ones.
'use strict';
const fs = require('fs');
const path = require('path');
const { answer, folderUrl, readPicture } = require('./common.js');

const [modules, folder] = process.argv.slice(2);
const root = path.join(modules, '@vladmandic', 'face-api');
const wasm = require(path.join(modules, '@tensorflow', 'tfjs-backend-wasm'));
const faceapi = require(path.join(root, 'dist', 'face-api.node-wasm.js'));

const cut = async (image, rect) => (await faceapi.extractFaceTensors(image, [rect]))[0];

async function descriptor(image, rect) {
  const face = await cut(image, rect);
  const values = await faceapi.nets.faceRecognitionNet.computeFaceDescriptor(face);
  face.dispose();
  return Array.from(values);
}

// Where the recognition network looks at a face of the clean picture, by its landmarks.
async function aligned(image, [x, y, width, height]) {
  const rect = new faceapi.Rect(x, y, width, height);
  const face = await cut(image, rect);
  const landmarks = await faceapi.nets.faceLandmark68Net.detectLandmarks(face);
  face.dispose();
  return landmarks.shiftBy(rect.x, rect.y).align();
}

// With what it finds by itself.
async function found(image) {
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.3, maxResults: 32 });
  const faces = await faceapi.detectAllFaces(image, options).withFaceLandmarks().withFaceDescriptors();
  return faces.map(({ detection: { box }, descriptor }) => (
    { at: [box.x + box.width / 2, box.y + box.height / 2], descriptor: Array.from(descriptor) }));
}

(async () => {
  wasm.setWasmPaths(folderUrl(modules, '@tensorflow', 'tfjs-backend-wasm', 'dist'));
  await faceapi.tf.setBackend('wasm');
  await faceapi.tf.ready();
  for (const net of ['ssdMobilenetv1', 'faceLandmark68Net', 'faceRecognitionNet']) {
    await faceapi.nets[net].loadFromDisk(path.join(root, 'model'));
  }
  const picture = (name, shape) => faceapi.tf.tensor3d(readPicture(path.join(folder, name)), shape, 'int32');
  await answer(async ({ width, height, clean, hidden, boxes }) => {
    const shape = [height, width, 3], image = picture(clean, shape);
    const rects = [];
    for (const box of boxes) rects.push(await aligned(image, box));
    const result = { clean: [], found: (await found(image)).map(({ at }) => at), hidden: {} };
    for (const rect of rects) result.clean.push(await descriptor(image, rect));
    image.dispose();
    for (const [mode, name] of Object.entries(hidden)) {
      const other = picture(name, shape);
      const there = [];
      for (const rect of rects) there.push(await descriptor(other, rect));
      result.hidden[mode] = { there, found: await found(other) };
      other.dispose();
    }
    return result;
  });
})();
