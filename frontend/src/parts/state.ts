// The state that a link carries: short texts by name, in the address behind #, or in memory only.

type Listener = (changed: string) => void;

const SECONDS_APART = 0.3; // browsers refuse an address that changes many times a second

export class State {
  private readonly values: Map<string, string>;
  private readonly listeners = new Set<Listener>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly inAddress: boolean;

  /** `saved`: the state of a page that was saved, which a link overrides. */
  constructor(inAddress: boolean, saved = "") {
    this.inAddress = inAddress;
    this.values = inAddress && location.hash.length > 1 ? read() : new Map(new URLSearchParams(saved));
    if (inAddress) window.addEventListener("hashchange", () => this.adopt(read()));
  }

  get(name: string): string | undefined {
    return this.values.get(name);
  }

  /** Set a value (undefined or "" forgets it) and tell whoever listens. */
  set(name: string, value: string | undefined): void {
    if (this.values.get(name) === (value || undefined)) return;
    if (value) this.values.set(name, value);
    else this.values.delete(name);
    this.write();
    for (const listener of this.listeners) listener(name);
  }

  /** Call `listener` with the name of every value that changes; returns how to stop. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** The address that leads to this state. */
  link(): string {
    return `${location.href.split("#")[0]}#${this.text()}`;
  }

  /** The state as a link holds it. */
  text(): string {
    return new URLSearchParams([...this.values]).toString();
  }

  private write(): void {
    if (!this.inAddress || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      history.replaceState(null, "", `#${this.text()}`);
    }, 1000 * SECONDS_APART);
  }

  private adopt(values: Map<string, string>): void {
    const names = new Set([...this.values.keys(), ...values.keys()]);
    const changed = [...names].filter((name) => this.values.get(name) !== values.get(name));
    this.values.clear();
    for (const [name, value] of values) this.values.set(name, value);
    for (const name of changed) for (const listener of this.listeners) listener(name);
  }
}

function read(): Map<string, string> {
  return new Map(new URLSearchParams(location.hash.slice(1)));
}
