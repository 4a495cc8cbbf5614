// @vladmandic/human: face detection and emotion, nothing else, no frame skipped.
'use strict';
const path = require('path');
const { folderUrl, serve } = require('./common.js');

const [modules, folder] = process.argv.slice(2);
const root = path.join(modules, '@vladmandic', 'human');
const { Human } = require(path.join(root, 'dist', 'human.node-wasm.js'));

const human = new Human({
  backend: 'wasm',
  wasmPath: folderUrl(modules, '@tensorflow', 'tfjs-backend-wasm', 'dist'),
  modelBasePath: folderUrl(root, 'models'),
  cacheSensitivity: 0,
  filter: { enabled: false },
  gesture: { enabled: false },
  body: { enabled: false },
  hand: { enabled: false },
  face: {
    detector: { rotation: false, maxDetected: 32, skipFrames: 0, skipTime: 0 },
    mesh: { enabled: false },
    iris: { enabled: false },
    description: { enabled: false },
    emotion: { enabled: true, skipFrames: 0, skipTime: 0 },
  },
});

(async () => {
  await human.load();
  await serve(folder, async ({ data, shape }) => {
    const image = human.tf.tensor3d(data, shape, 'int32');
    const result = await human.detect(image);
    image.dispose();
    if (result.error) throw new Error(result.error);
    return result.face.map((face) => (face.emotion && face.emotion[0] ? face.emotion[0].emotion : ''));
  });
})();
