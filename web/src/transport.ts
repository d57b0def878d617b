// How the page reaches mocap: over WebSockets and HTTP to a server, or, on the page that needs no
// install, to a worker in the same page (site/).

/** The part of a WebSocket that the page uses. */
export interface Channel {
  binaryType: BinaryType;
  readonly readyState: number;
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  onopen: ((event: Event) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string | ArrayBuffer): void;
  close(): void;
}

export interface Transport {
  open(address: string, subprotocol: string): Channel;
  /** Fetches a file of mocap's: a clip, a character, a model. */
  fetch(address: string): Promise<Response>;
  /** The address of a file that an answer names, for a link. */
  link(address: string): string;
  /** The address of the folder of the detector's models. */
  models(): string;
}

export let transport: Transport = {
  open: (address, subprotocol) => new WebSocket(address, subprotocol),
  fetch: (address) => fetch(address),
  link: (address) => new URL(address, location.href).href,
  models: () => new URL("models/", location.href).href,
};

/** Replaces the transport, before the page's parts are made. */
export function useTransport(other: Transport): void {
  transport = other;
}
