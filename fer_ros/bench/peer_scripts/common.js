// What the measurements under Node share: frames and faces from a folder, one JSON line in, one JSON line out.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const { pathToFileURL } = require('url');

// tfjs fetches its weights, which lie on disk here.
const fetchFromNetwork = globalThis.fetch;
globalThis.fetch = async (resource, options) => {
  const url = String(resource.url || resource);
  return url.startsWith('file://') ? new Response(fs.readFileSync(new URL(url))) : fetchFromNetwork(resource, options);
};

const folderUrl = (...parts) => pathToFileURL(path.join(...parts)).href + '/';

// Frames are written as BGR, as OpenCV has them, and are turned round before anything is timed.
function readFrames(folder) {
  const { width, height, count } = JSON.parse(fs.readFileSync(path.join(folder, 'frames.json')));
  const all = fs.readFileSync(path.join(folder, 'frames.bgr'));
  return Array.from({ length: count }, (_, index) => (
    { data: toRgb(all.subarray(index * width * height * 3, (index + 1) * width * height * 3)), shape: [height, width, 3] }));
}

function toRgb(bgr) {
  const rgb = new Uint8Array(bgr);
  for (let i = 0; i < rgb.length; i += 3) [rgb[i], rgb[i + 2]] = [rgb[i + 2], rgb[i]];
  return rgb;
}

// The RGB pixels of a file of BGR ones.
const readPicture = (file) => toRgb(fs.readFileSync(file));

// One of the 48x48 grey faces, enlarged four times with a border of its mean, as RGB.
function readFace(folder, index) {
  const file = fs.openSync(path.join(folder, 'faces.grey'));
  const grey = Buffer.alloc(48 * 48);
  fs.readSync(file, grey, 0, grey.length, index * grey.length);
  fs.closeSync(file);
  const scale = 4, border = 48, side = 48 * scale + 2 * border;
  const mean = Math.round(grey.reduce((sum, v) => sum + v, 0) / grey.length);
  const rgb = new Uint8Array(side * side * 3).fill(mean);
  for (let y = 0; y < 48 * scale; y++) {
    for (let x = 0; x < 48 * scale; x++) {
      const value = grey[Math.floor(y / scale) * 48 + Math.floor(x / scale)];
      rgb.fill(value, ((y + border) * side + x + border) * 3, ((y + border) * side + x + border) * 3 + 3);
    }
  }
  return { data: rgb, shape: [side, side, 3] };
}

// One line in, one line out, for what is measured in another way. work(request) resolves to the answer.
async function answer(work) {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await work(JSON.parse(line))));
  }
}

// analyse(image) resolves to the label of each face.
async function serve(folder, analyse) {
  const frames = readFrames(folder);
  await analyse(frames[0]);
  console.log(JSON.stringify({ ready: true }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { frames: wanted, face } = JSON.parse(line);
    const images = wanted === undefined ? [readFace(folder, face)] : wanted.map((number) => frames[number]);
    const labels = [];
    const begun = process.hrtime.bigint();
    for (const image of images) labels.push(await analyse(image));
    console.log(JSON.stringify({ seconds: Number(process.hrtime.bigint() - begun) / 1e9, labels }));
  }
}

module.exports = { answer, folderUrl, readPicture, serve };
