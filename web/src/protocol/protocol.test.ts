// Both languages are tested against the golden files in tests/data.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { decode, encode, ProtocolError } from "./binary";
import { compose, type Hello, parse } from "./text";

const data = (name: string): Buffer =>
  readFileSync(new URL(`../../../tests/data/${name}`, import.meta.url));
const bytes = (name: string): ArrayBuffer => new Uint8Array(data(name)).buffer;
const golden = JSON.parse(data("protocol_golden.json").toString());
const header = ({ kind, subject, frame, time, clock }: Record<string, number>) => ({
  kind,
  subject,
  frame,
  time,
  clock,
});
/** The golden file's nested lists as one, null as NaN. */
const flat = (lists: unknown): number[] =>
  (lists as unknown[]).flat(2).map((value) => (value === null ? NaN : (value as number)));

describe("binary messages", () => {
  it("decode to the golden values", () => {
    const pose = decode(bytes("mocap_v1_pose.bin"), 3);
    expect(pose).toMatchObject(header(golden.pose));
    if (pose.kind !== 1) throw new Error("not a pose");
    expect([...pose.root]).toEqual(golden.pose.root);
    expect([...pose.rotations]).toEqual(flat(golden.pose.rotations));
    expect([...pose.weights]).toEqual(golden.pose.weights);

    const points = decode(bytes("mocap_v1_keypoints.bin"), 3);
    expect(points).toMatchObject(header(golden.keypoints));
    if (points.kind !== 2) throw new Error("no keypoints");
    expect([...points.image]).toEqual(flat(golden.keypoints.image));
    expect([...points.positions]).toEqual(flat(golden.keypoints.positions));
    expect([...points.confidence]).toEqual(golden.keypoints.confidence);

    const face = decode(bytes("mocap_v1_face.bin"), 3);
    expect(face).toMatchObject(header(golden.face));
    if (face.kind !== 4) throw new Error("not a face");
    expect([...face.transform]).toEqual(flat(golden.face.transform));
    expect([...face.points]).toEqual(flat(golden.face.points));
    expect([...face.blendshapes]).toEqual(golden.face.blendshapes);

    const picture = decode(bytes("mocap_v1_picture.bin"), 3);
    expect(picture).toMatchObject(header(golden.picture));
    if (picture.kind !== 3) throw new Error("not a picture");
    expect(Buffer.from(picture.jpeg).toString("base64")).toBe(golden.picture.jpeg_base64);
  });

  it("encode to the golden bytes", () => {
    for (const name of ["pose", "keypoints", "picture", "face"]) {
      const wanted = bytes(`mocap_v1_${name}.bin`);
      expect(Buffer.from(encode(decode(wanted, 3)))).toEqual(Buffer.from(wanted));
    }
  });

  it("are viewed, not copied", () => {
    const buffer = bytes("mocap_v1_pose.bin");
    const pose = decode(buffer, 3);
    expect(pose.kind === 1 && pose.rotations.buffer === buffer).toBe(true);
  });

  it("that cannot be read are refused with a sentence", () => {
    const pose = bytes("mocap_v1_pose.bin");
    expect(() => decode(new ArrayBuffer(23), 3)).toThrow("at least 24 bytes, but this one has 23");
    expect(() => decode(pose, 55)).toThrow("A pose of 55 joints");
    expect(() => decode(pose.slice(0, -1), 3)).toThrow("A pose of 3 joints");
    expect(() => decode(bytes("mocap_v1_keypoints.bin").slice(0, -4), 3)).toThrow(
      "24 bytes a landmark",
    );
    const unknown = pose.slice(0);
    new DataView(unknown).setUint16(0, 9, true);
    expect(() => decode(unknown, 3)).toThrow("but this one's is 9");
    expect(() => decode(unknown, 3)).toThrow(ProtocolError);
  });
});

describe("texts", () => {
  const hello = data("mocap_v1_hello.json").toString();

  it("of the server are read", () => {
    const read = parse(hello) as Hello;
    expect(read.skeleton.names).toEqual(["hips", "spine", "leftUpperLeg"]);
    expect(read.source).toEqual({
      kind: "video",
      name: "tanz über größe.mp4",
      width: 1280,
      height: 720,
    });
    for (const text of golden.server_texts) expect(parse(JSON.stringify(text))).toEqual(text);
  });

  it("of the client are what the server accepts", () => {
    for (const text of golden.client_texts) expect(JSON.parse(compose(text))).toEqual(text);
  });

  it("of a later server's type are passed over, of a later version refused", () => {
    expect(parse('{"type":"weather","text":"fine"}')).toBeNull();
    expect(() =>
      parse(hello.replace('"version":1', '"version":2').replace('"version": 1', '"version": 2')),
    ).toThrow("reload the page");
  });

  it("that are none are refused with a sentence", () => {
    const broken = JSON.parse(hello);
    broken.skeleton.parents = [-1, 5, 0];
    for (const text of [
      "",
      "null",
      "[]",
      "{}",
      '{"type":"hello","version":1}',
      JSON.stringify(broken),
      '{"type":"status","level":"loud","text":""}',
      '{"type":"pong","client":1}',
    ]) {
      expect(() => parse(text)).toThrow(ProtocolError);
    }
  });
});
