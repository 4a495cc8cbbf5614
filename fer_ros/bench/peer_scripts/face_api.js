// @vladmandic/face-api: its tiny face detector and its expressions.
'use strict';
const fs = require('fs');
const path = require('path');
const { folderUrl, serve } = require('./common.js');

const [modules, folder] = process.argv.slice(2);
const root = path.join(modules, '@vladmandic', 'face-api');
const wasm = require(path.join(modules, '@tensorflow', 'tfjs-backend-wasm'));
const faceapi = require(path.join(root, 'dist', 'face-api.node-wasm.js'));
const NAMES = { disgusted: 'disgust', fearful: 'fear', surprised: 'surprise' };

(async () => {
  wasm.setWasmPaths(folderUrl(modules, '@tensorflow', 'tfjs-backend-wasm', 'dist'));
  await faceapi.tf.setBackend('wasm');
  await faceapi.tf.ready();
  for (const net of ['tinyFaceDetector', 'faceExpressionNet']) await faceapi.nets[net].loadFromDisk(path.join(root, 'model'));
  const options = new faceapi.TinyFaceDetectorOptions({ inputSize: 320 });
  await serve(folder, async ({ data, shape }) => {
    const image = faceapi.tf.tensor3d(data, shape, 'int32');
    const found = await faceapi.detectAllFaces(image, options).withFaceExpressions();
    image.dispose();
    return found.map(({ expressions }) => {
      const [best] = Object.entries(expressions).reduce((a, b) => (b[1] > a[1] ? b : a));
      return NAMES[best] || best;
    });
  });
})();
