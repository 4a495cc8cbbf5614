// @vladmandic/face-api: what its face recognition makes of faces, in clean pictures and in anonymized ones.
'use strict';
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

// What it finds by itself: the centre of each face, where its recognition network looks, and what that makes of it.
async function found(image) {
  const options = new faceapi.SsdMobilenetv1Options({ minConfidence: 0.3, maxResults: 32 });
  const faces = await faceapi.detectAllFaces(image, options).withFaceLandmarks().withFaceDescriptors();
  return faces.map(({ detection: { box }, alignedRect: { box: rect }, descriptor }) => (
    { at: [box.x + box.width / 2, box.y + box.height / 2], rect, descriptor: Array.from(descriptor) }));
}

(async () => {
  wasm.setWasmPaths(folderUrl(modules, '@tensorflow', 'tfjs-backend-wasm', 'dist'));
  await faceapi.tf.setBackend('wasm');
  await faceapi.tf.ready();
  for (const net of ['ssdMobilenetv1', 'faceLandmark68Net', 'faceRecognitionNet']) {
    await faceapi.nets[net].loadFromDisk(path.join(root, 'model'));
  }
  const grey = faceapi.tf.fill([150, 150, 3], 96, 'int32');
  const blank = await descriptor(grey, new faceapi.Rect(0, 0, 150, 150));
  const picture = (name, shape) => faceapi.tf.tensor3d(readPicture(path.join(folder, name)), shape, 'int32');
  await answer(async ({ width, height, clean, hidden, boxes }) => {
    const shape = [height, width, 3], image = picture(clean, shape);
    // Of the faces that we know, those that it finds, too; the others are null.
    const all = await found(image);
    const known = boxes.map(([x, y, width, height]) => all.find(({ at }) => (
      at[0] >= x && at[0] <= x + width && at[1] >= y && at[1] <= y + height)) ?? null);
    const result = { blank, clean: known.map((face) => face && face.descriptor), hidden: {} };
    image.dispose();
    for (const [mode, name] of Object.entries(hidden)) {
      const other = picture(name, shape);
      const there = [];
      for (const face of known) there.push(face && await descriptor(other, face.rect));
      result.hidden[mode] = { there, found: await found(other) };
      other.dispose();
    }
    return result;
  });
})();
