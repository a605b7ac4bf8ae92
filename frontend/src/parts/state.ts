// The state that a link carries: short texts by name, in the address behind #, or in memory only.

type Listener = (changed: string) => void;

const SECONDS_APART = 0.3; // browsers refuse an address that changes many times a second

/** Where the reader is: a change of these is an entry of its own in the browser's history, so Back leads to the last one. */
const PLACES = ["view", "step"];

/** Marks an entry that this page made. Going back to one changes the place alone: what was typed since then stays. */
const MINE = { retort: true };

export class State {
  private readonly values: Map<string, string>;
  private readonly listeners = new Set<Listener>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly inAddress: boolean;
  private entered = -Infinity;

  /** `saved`: the state of a page that was saved, which a link overrides. */
  constructor(inAddress: boolean, saved = "") {
    this.inAddress = inAddress;
    this.values = inAddress && location.hash.length > 1 ? read() : new Map(new URLSearchParams(saved));
    if (!inAddress) return;
    history.replaceState(MINE, "");
    // At once, not with hashchange, which comes later: a write in between would put this place into the other entry.
    window.addEventListener("popstate", ({ state }) => this.adopt(read(), state?.retort === true));
  }

  get(name: string): string | undefined {
    return this.values.get(name);
  }

  /** Set a value (undefined or "" forgets it) and tell whoever listens. */
  set(name: string, value: string | undefined): void {
    if (this.values.get(name) === (value || undefined)) return;
    const now = performance.now();
    const entry = PLACES.includes(name) && now - this.entered > 1000 * SECONDS_APART;
    if (entry) this.flush(); // what changed until now belongs to the entry that is left
    if (value) this.values.set(name, value);
    else this.values.delete(name);
    if (entry) {
      this.entered = now;
      this.put("pushState");
    } else this.write();
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
    this.timer = setTimeout(() => this.flush(), 1000 * SECONDS_APART);
  }

  private flush(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.put("replaceState");
  }

  private put(how: "pushState" | "replaceState"): void {
    if (!this.inAddress) return;
    try {
      history[how](MINE, "", `#${this.text()}`);
    } catch {
      // A page in a frame without an address of its own (srcdoc) works, but has no link.
    }
  }

  private adopt(values: Map<string, string>, placeAlone: boolean): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const names = placeAlone ? PLACES : [...new Set([...this.values.keys(), ...values.keys()])];
    const changed = names.filter((name) => this.values.get(name) !== values.get(name));
    for (const name of changed) {
      if (values.has(name)) this.values.set(name, values.get(name)!);
      else this.values.delete(name);
    }
    this.put("replaceState");
    for (const name of changed) for (const listener of this.listeners) listener(name);
  }
}

function read(): Map<string, string> {
  return new Map(new URLSearchParams(location.hash.slice(1)));
}
