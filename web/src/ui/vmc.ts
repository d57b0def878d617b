// The panel that sends poses to another program over VMC. The server sends; this panel asks.

import type { Connection } from "../protocol/connection";
import type { ExpressionNames, VmcOutput } from "../protocol/text";
import { controlButton, SidePanel } from "./controls";
import { button, byId, choice, element, heading, row, write } from "./dom";

const REMEMBERED = "mocap.vmc";

/** A program that receives VMC: its usual address and the expression names of its avatars. */
interface Preset extends VmcOutput {
  readonly name: string;
}

/** All of them listen on 39539, the protocol's port for motion; `:39539` is the server itself. */
const LOCAL = "127.0.0.1:39539";
const PRESETS: readonly Preset[] = [
  { name: "VSeeFace", address: LOCAL, names: "vrm0" },
  { name: "Warudo", address: LOCAL, names: "vrm0" },
  { name: "VNyan", address: LOCAL, names: "vrm0" },
  { name: "Blender (VMC4B)", address: LOCAL, names: "vrm1" },
  { name: "Unity (EVMC4U)", address: LOCAL, names: "vrm0" },
];
const NAMES: Readonly<Record<ExpressionNames, string>> = {
  vrm0: "Expressions of VRM 0 (Joy, A, Blink_L)",
  vrm1: "Expressions of VRM 1 (happy, aa, blinkLeft)",
};

export class VmcPanel {
  private readonly side: SidePanel;
  private readonly program = choice(
    { other: "Another program", ...Object.fromEntries(PRESETS.map((p, i) => [`p${i}`, p.name])) },
    "Program",
    (value) => this.preset(value),
  );
  private readonly address = element("input", "", { label: "Address of the receiver" });
  private readonly names = choice(NAMES, "Expression names", () => undefined);
  private readonly note = element("p");
  private readonly start = button("Start sending", () => this.toggle(), { class: "primary" });
  private output: VmcOutput | null = null;

  constructor(private readonly connection: Connection) {
    this.side = new SidePanel(byId("vmc"), "x");
    const kept = JSON.parse(localStorage.getItem(REMEMBERED) ?? "null") as VmcOutput | null;
    this.fill(kept ?? PRESETS[0]!);
    this.address.placeholder = LOCAL;
    this.address.maxLength = 300;
    this.side.element.replaceChildren(
      heading("Send to another program (VMC)", () => this.side.show(false), "Close"),
      row(this.program, this.names),
      row(this.address, this.start),
      this.note,
    );
    this.show(null);
  }

  /** Shows where the server sends to; null while it does not. */
  show(output: VmcOutput | null): void {
    this.output = output;
    write(this.start, output ? "Stop sending" : "Start sending");
    controlButton("x").toggleAttribute("data-active", output !== null);
    write(
      this.note,
      output
        ? `Poses go to ${output.address}.`
        : "Start the program's VMC receiver, then start sending.",
    );
    if (output) this.fill(output);
  }

  private fill({ address, names }: VmcOutput): void {
    const at = PRESETS.findIndex((p) => p.address === address && p.names === names);
    const shown = PRESETS[Number(this.program.value.slice(1))];
    if (!shown || shown.address !== address || shown.names !== names) {
      this.program.value = at < 0 ? "other" : `p${at}`;
    }
    this.address.value = address;
    this.names.value = names;
  }

  private preset(value: string): void {
    const chosen = PRESETS[Number(value.slice(1))];
    if (!chosen) return;
    this.address.value = chosen.address;
    this.names.value = chosen.names;
  }

  private toggle(): void {
    const output: VmcOutput | null = this.output
      ? null
      : {
          address: this.address.value.trim() || LOCAL,
          names: this.names.value as ExpressionNames,
        };
    if (output) localStorage.setItem(REMEMBERED, JSON.stringify(output));
    this.connection.send({ type: "vmc", output });
  }
}
