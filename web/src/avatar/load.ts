// Loads a VRM file: checked first (check.ts), then read by three.js and three-vrm. Vertex data may
// be compressed by meshopt or Draco; their decoders are loaded when a file needs them.

import { type VRM, VRMLoaderPlugin, VRMUtils } from "@pixiv/three-vrm";
import { GLTFLoader } from "three/examples/jsm/loaders/GLTFLoader.js";

import { transport } from "../transport";
import { AvatarError, checkGlb, type GltfDocument } from "./check";

const DRACO = "KHR_draco_mesh_compression";

/**
 * Loads the VRM at the address.
 *
 * @throws Error whose message says why it cannot be shown, as the end of a sentence.
 */
export async function loadVrm(address: string): Promise<VRM> {
  // Fetched apart from the loader, whose own messages are for developers.
  const answer = await transport.fetch(address);
  if (!answer.ok) {
    throw new AvatarError(
      answer.status === 404 ? "there is no such file" : `the server answers ${answer.status}`,
    );
  }
  const file = await answer.arrayBuffer();
  const loader = await loaderFor(checkGlb(file));
  const gltf = await loader.parseAsync(file, location.href).catch((error: unknown) => {
    // Draco's decoder rejects with an object of its own.
    throw error instanceof Error ? error : new AvatarError("its vertex data cannot be decoded");
  });
  const vrm = gltf.userData.vrm as VRM | undefined;
  if (!vrm) throw new AvatarError("it is not a VRM file");
  VRMUtils.combineSkeletons(gltf.scene);
  return vrm;
}

async function loaderFor({ extensionsUsed, extensionsRequired }: GltfDocument) {
  const used = [...(extensionsUsed ?? []), ...(extensionsRequired ?? [])].map(String);
  const loader = new GLTFLoader();
  loader.register((parser) => new VRMLoaderPlugin(parser));
  if (used.some((name) => name.includes("meshopt"))) {
    const { MeshoptDecoder } = await import("three/examples/jsm/libs/meshopt_decoder.module.js");
    loader.setMeshoptDecoder(MeshoptDecoder);
  }
  if (used.includes(DRACO)) {
    const { DRACOLoader, DRACO_GLTF_CONFIG } = await import(
      "three/examples/jsm/loaders/DRACOLoader.js"
    );
    loader.setDRACOLoader(new DRACOLoader().setDecoderPath(DRACO_GLTF_CONFIG));
  }
  return loader;
}
