// The panel that chooses a camera of the computer that runs mocap, by name and picture
// (`mocap.cameras.v1`, mocap/live/server_cameras.py).

import { type Channel, transport } from "../transport";
import { button, byId, element, heading, write } from "./dom";

const SUBPROTOCOL = "mocap.cameras.v1";
const NONE = "No camera is found on the computer that runs mocap: connect one, then look again.";
const GONE = "The mocap server is not answering: wait until it is back, then look again.";

interface ServerCamera {
  readonly number: number;
  readonly name: string;
  /** Whether it is the source now; its picture is the source's then. */
  readonly active: boolean;
  /** A data URL. */
  readonly picture: string | null;
}

type Answer = { cameras: ServerCamera[] } | { number: number } | { error: string };

export class ServerCamerasPanel {
  private readonly panel = byId("server-cameras");
  private readonly list = element("ul", "", { label: "Cameras" });
  private readonly note = element("p");
  private socket: Channel | null = null;

  /**
   * @param address Where the server answers.
   * @param shown Returns the source's picture, for the camera that is in use.
   * @param chosen Called when another camera is used.
   */
  constructor(
    private readonly address: string,
    private readonly shown: () => ImageBitmap | null,
    private readonly chosen: () => void,
  ) {
    this.panel.replaceChildren(
      heading("mocap's camera", () => this.show(false), "Close"),
      this.list,
      this.note,
    );
    byId("choose-server").addEventListener("click", () => this.show(this.panel.hidden !== false));
  }

  /** Offers the choice where the server's source is a camera. */
  offer(on: boolean): void {
    byId("choose-server").hidden = !on;
    if (!on) this.show(false);
  }

  private show(on: boolean): void {
    if (on === (this.panel.hidden === false)) return;
    this.panel.hidden = !on;
    this.socket?.close();
    this.socket = null;
    this.list.replaceChildren();
    if (!on) return;
    write(this.note, "Looking for cameras…");
    const socket = transport.open(this.address, SUBPROTOCOL);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ do: "list" }));
    socket.onmessage = ({ data }: MessageEvent<string>) => this.answered(JSON.parse(data));
    socket.onclose = ({ reason }) => {
      if (socket === this.socket) write(this.note, reason || GONE);
    };
  }

  private answered(answer: Answer): void {
    if ("error" in answer) write(this.note, answer.error);
    else if ("cameras" in answer) {
      write(this.note, answer.cameras.length ? "" : NONE);
      this.list.replaceChildren(...answer.cameras.map((camera) => this.item(camera)));
    } else {
      this.show(false);
      this.chosen();
    }
  }

  private item({ number, name, active, picture }: ServerCamera): HTMLLIElement {
    const item = element("li");
    item.toggleAttribute("data-open", active);
    item.append(
      picture ? imageOf(picture) : copyOf(this.shown()),
      button(name, () => this.use(number, name), { class: "name" }),
      element("span", active ? "in use" : `camera ${number}`, { class: "told" }),
    );
    return item;
  }

  private use(number: number, name: string): void {
    write(this.note, `Opening ${name}…`);
    this.socket?.send(JSON.stringify({ do: "use", number }));
  }
}

function imageOf(address: string): HTMLImageElement {
  const image = element("img");
  image.alt = "";
  image.src = address;
  return image;
}

/** Draws the source's picture at this moment. */
function copyOf(bitmap: ImageBitmap | null): HTMLCanvasElement {
  const canvas = element("canvas");
  if (bitmap) {
    Object.assign(canvas, { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
  }
  return canvas;
}
