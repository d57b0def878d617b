// Kalidokit on keypoints from standard input; writes its rig and the cost of a call to standard
// output. Driven by kalidokit.py.
//
//   in   {"package": folder, "width": px, "height": px,
//         "frames": [{"world": [[x, y, z, visibility], …], "image": [[x, y], …]}, …]}
//        in MediaPipe's own axes: metres with y down and z away from the camera; fractions of
//        the image
//   out  {"rig": [{bone: [x, y, z]}, …], "microseconds": [n, …]}   Euler angles in radians

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const input = JSON.parse(readFileSync(0, "utf8"));
const { Pose } = createRequire(import.meta.url)(`${input.package}/dist/kalidokit.umd.js`);
const options = {
  runtime: "mediapipe",
  imageSize: { width: input.width, height: input.height },
  enableLegs: true,
};

const frames = input.frames.map(({ world, image }) => ({
  world: world.map(([x, y, z, visibility]) => ({ x, y, z, visibility })),
  image: image.map(([x, y], i) => ({ x, y, z: 0, visibility: world[i][3] })),
}));
const solve = (frame) => Pose.solve(frame.world, frame.image, options);

const rig = frames.map((frame) => {
  const { Hips, ...bones } = solve(frame);
  const turns = { ...bones, Hips: Hips.rotation };
  return Object.fromEntries(Object.entries(turns).map(([bone, { x, y, z }]) => [bone, [x, y, z]]));
});

// Cost of a frame: rounds of half a millisecond, so that few are interrupted, after a warm-up of
// the compiler.
const [WARM, ROUNDS, EACH] = [400, 400, 100];
const rounds = [];
for (let round = 0, n = 0; round < WARM + ROUNDS; round++) {
  const begun = process.hrtime.bigint();
  for (let i = 0; i < EACH; i++) solve(frames[n++ % frames.length]);
  rounds.push(Number(process.hrtime.bigint() - begun) / EACH / 1000);
}
process.stdout.write(JSON.stringify({ rig, microseconds: rounds.slice(WARM) }));
