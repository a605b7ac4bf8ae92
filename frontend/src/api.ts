// The studio's own requests: start a run, follow it (again after a lost connection), fetch what it found, stop it.

import type { Offer, TourRecord } from "./records.ts";

export interface Progress {
  done: number;
  total: number;
  detail: string;
}

export interface RunEvents {
  onProgress?: (progress: Progress) => void;
  /** Anything else that the run tells on its way. */
  onTold?: (name: string, data: any) => void;
  /** The connection was lost, and is tried again. */
  onLost?: () => void;
}

export interface Running {
  readonly result: Promise<any>;
  /** The run's name, once the studio has given it one. */
  readonly id: string | null;
  stop(): void;
}

export class RunStopped extends Error {}

const TRIES = 8;
const FIRST_WAIT = 250;

export class Api {
  private readonly token: string;

  constructor() {
    this.token = takeToken();
  }

  get mayRun(): boolean {
    return this.token !== "";
  }

  /** The models and what else this studio has. */
  offer(): Promise<Offer> {
    return this.ask("GET", "/api/models");
  }

  /** One file with what these runs found, by view: a page that needs no studio. */
  async page(state: string, runs: Record<string, string>): Promise<Blob> {
    const headers = { "X-Retort-Token": this.token, "Content-Type": "application/json" };
    const answer = await fetch("/api/page", { method: "POST", headers, body: JSON.stringify({ state, runs }) });
    if (!answer.ok) throw new Error((await answer.json().catch(() => null))?.error?.message ?? `the studio answered ${answer.status}`);
    return answer.blob();
  }

  /** The recorded row of the tour. */
  async tour(): Promise<TourRecord> {
    return (await fetch("/static/tour.json")).json();
  }

  /** Start a run of `kind`; its `result` is the record, or an Error with the studio's sentence. */
  start(kind: string, body: object, events: RunEvents = {}): Running {
    const leave = new AbortController();
    let id: string | null = null;
    let stopped = false;
    const result = (async () => {
      const run = await this.ask("POST", `/api/${kind}`, body);
      id = run.id as string;
      if (stopped) this.stop(id);
      if (run.state !== "done") await this.follow(id, events, leave.signal);
      return this.patiently(() => this.ask("GET", `/api/runs/${id}/result`), events);
    })();
    return {
      result,
      get id() {
        return id;
      },
      stop: () => {
        stopped = true;
        if (id !== null) this.stop(id);
      },
    };
  }

  /** Reading may be tried again where the connection is lost; a refusal is final. */
  private async patiently<T>(read: () => Promise<T>, events: RunEvents): Promise<T> {
    for (let failed = 0; ; failed++) {
      try {
        return await read();
      } catch (problem) {
        if (problem instanceof FinalError || failed >= TRIES) throw problem;
        events.onLost?.();
        await pause(failed);
      }
    }
  }

  private stop(id: string): void {
    void this.ask("DELETE", `/api/runs/${id}`).catch(() => undefined);
  }

  private async follow(id: string, events: RunEvents, signal: AbortSignal): Promise<void> {
    let last = "0";
    for (let failed = 0; ; failed++) {
      try {
        const answer = await fetch(`/api/runs/${id}/events`, { headers: { "Last-Event-ID": last }, signal });
        if (answer.status === 404) throw new FinalError("the studio no longer knows this run; start it again");
        if (!answer.ok || answer.body === null) throw new Error(`the studio answered ${answer.status}`);
        for await (const event of readEvents(answer.body)) {
          last = event.id;
          failed = 0;
          if (event.name === "done") return;
          if (event.name === "failed") throw new FinalError(event.data.message);
          if (event.name === "stopped") throw new RunStopped("stopped");
          if (event.name === "progress") events.onProgress?.(event.data);
          else events.onTold?.(event.name, event.data);
        }
        throw new Error("the stream ended early");
      } catch (problem) {
        if (problem instanceof FinalError || problem instanceof RunStopped) throw problem;
        if (failed >= TRIES) throw new Error("The connection to the studio is lost. Is it still running? Nothing that was shown is gone.");
        events.onLost?.();
        await pause(failed);
      }
    }
  }

  private async ask(method: string, path: string, body?: object): Promise<any> {
    const headers: Record<string, string> = { "X-Retort-Token": this.token };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let answer: Response;
    try {
      answer = await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
    } catch {
      throw new Error("The studio does not answer. Is it still running? Nothing that was shown is gone.");
    }
    const found = await answer.json().catch(() => null);
    if (answer.ok) return found;
    throw new FinalError(found?.error?.message ?? `the studio answered ${answer.status}`);
  }
}

/** An answer that trying again does not change. */
export class FinalError extends Error {}

function pause(failed: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, FIRST_WAIT * 1.6 ** failed));
}

interface ServerEvent {
  id: string;
  name: string;
  data: any;
}

async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as any).getReader() as ReadableStreamDefaultReader<string>;
  let text = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) {
        const lines = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
        const name = lines.get("event");
        if (name) yield { id: lines.get("id") ?? "0", name, data: JSON.parse(lines.get("data") ?? "null") };
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** The token of the address, kept for this tab and taken out of the address, so that no copied link gives it away. */
function takeToken(): string {
  const address = new URL(location.href);
  const given = address.searchParams.get("token");
  try {
    if (given !== null) {
      sessionStorage.setItem("retort-token", given);
      address.searchParams.delete("token");
      history.replaceState(null, "", address);
    }
    return sessionStorage.getItem("retort-token") ?? "";
  } catch {
    return given ?? "";
  }
}
