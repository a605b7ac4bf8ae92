// What the page asks of a view, and what it gives to one.

import type { Download } from "../parts/download.ts";
import type { State } from "../parts/state.ts";
import type { PageData } from "../records.ts";

export interface Context {
  readonly data: PageData;
  readonly state: State;
  /** Says something to whoever cannot see the change. */
  readonly announce: (text: string) => void;
}

export interface View {
  readonly element: HTMLElement;
  readonly download: Download | null;
  /** Frees what the view holds outside its element. */
  close(): void;
}
