// The moment of a clip that is shown. It plays between two marks. All times in seconds.

export class Transport {
  time = 0;
  playing = true;
  loop = true;
  speed = 1;
  start = 0;
  end: number;

  constructor(readonly duration: number) {
    this.end = duration;
  }

  /** Takes moment, marks, speed and loop of another version of the same take. */
  restore(before: Transport): void {
    const { time, playing, loop, speed, start, end, duration } = before;
    Object.assign(this, { playing, loop, speed });
    this.mark("start", start);
    // An end mark that was never moved stays at the end.
    this.mark("end", end >= duration ? this.duration : end);
    this.seek(time);
  }

  /** Advances by seconds of real time. */
  advance(elapsed: number): void {
    if (!this.playing) return;
    this.time += elapsed * this.speed;
    if (this.time < this.end) return;
    const span = this.end - this.start;
    if (this.loop && span > 0) this.time = this.start + ((this.time - this.start) % span);
    else {
      this.time = this.end;
      this.playing = this.loop;
    }
  }

  /** Goes to a moment, also outside the marks; from there it plays on to the end mark. */
  seek(time: number): void {
    this.time = Math.min(Math.max(time, 0), this.duration);
  }

  /** Plays or pauses; at or after the end mark, playing begins at the start mark. */
  toggle(): void {
    this.playing = !this.playing;
    if (this.playing && this.time >= this.end - 1e-6) this.time = this.start;
  }

  /** Moves a mark; the other one is moved along if needed, so that start ≤ end. */
  mark(which: "start" | "end", time: number): void {
    const at = Math.min(Math.max(time, 0), this.duration);
    if (which === "start") [this.start, this.end] = [at, Math.max(at, this.end)];
    else [this.start, this.end] = [Math.min(at, this.start), at];
  }
}
