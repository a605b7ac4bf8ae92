// A tree of continuations: the most likely tokens after the prompt; each opens to what would follow it.
//
// Every opened token is one more position of the model. The chain and the slider act on all of them at once.

import { ChainError, isRow, type Chain, type Explanation } from "../math/chain.ts";
import type { Interval } from "../math/interval.ts";
import { mayFollow } from "../parts/bars.ts";
import { fill, h, say } from "../parts/dom.ts";
import { probability, span } from "../parts/format.ts";
import { help } from "../parts/help.ts";
import { spokenToken, tokenElement } from "../parts/tokens.ts";
import type { PositionRecord } from "../records.ts";
import { subjectOf, type Subject } from "./subject.ts";

const SHOWN = 5;

/** A token that was opened: its id, where a model has ids, and its text. */
export interface Chosen {
  readonly id: number | null;
  readonly text: string;
}

/** The position after these tokens. */
export type After = (path: readonly Chosen[]) => Promise<PositionRecord>;

export interface Tree {
  readonly element: HTMLElement;
  draw(chain: Chain): void;
}

export function continuationTree(root: Subject, after: After): Tree {
  let chain: Chain = [];
  const first = branch(root, []);

  interface Branch {
    readonly element: HTMLElement;
    /** `before`: the probability of the text up to here. */
    draw(before: Interval): void;
  }

  /** The most likely tokens at one position. */
  function branch(subject: Subject, path: readonly Chosen[]): Branch {
    const count = Math.min(SHOWN, subject.record.tokens.length);
    const leaves = Array.from({ length: count }, (_, rank) => leaf(subject, rank, path));
    return {
      element: h("ul", {}, ...leaves.map(({ element }) => element)),
      draw(before) {
        let found: Explanation | null = null;
        try {
          found = subject.explain(chain);
        } catch (problem) {
          if (!(problem instanceof ChainError)) throw problem;
        }
        for (const one of leaves) one.draw(found, before);
      },
    };
  }

  function leaf(subject: Subject, rank: number, path: readonly Chosen[]): { element: HTMLElement; draw(found: Explanation | null, before: Interval): void } {
    const text = subject.record.tokens[rank]!;
    const here = [...path, { id: subject.record.ids[rank] ?? null, text }];
    const share = h("b", { class: "figure processed-ink" });
    const joint = h("small", { class: "figure joint" });
    const bar = h("span", { class: "bar bar-processed" });
    const line: HTMLElement[] = [h("span", { class: "tree-token" }, tokenElement(text)), share, joint, h("span", { class: "bar-box one", "aria-hidden": "true" }, bar)];
    const below = h("div", { class: "tree-below" });
    let next: Branch | null = null;
    let asked = false;
    let all: Interval = { low: 1, high: 1 };

    async function open(): Promise<void> {
      if (asked) return;
      asked = true;
      fill(below, h("p", { class: "meta", role: "status" }, "Reading …"));
      try {
        next = branch(subjectOf(await after(here)), here);
        fill(below, next.element);
        next.draw(all);
      } catch (problem) {
        asked = false; // opened again, it asks again
        fill(below, h("p", { class: "error", role: "alert" }, (problem as Error).message));
      }
    }

    const canOpen = isRow(subject.raw) || mayFollow(text);
    const element = canOpen
      ? h("li", {}, h("details", { ontoggle: (event: Event) => (event.target as HTMLDetailsElement).open && void open() }, h("summary", { title: `What follows ${spokenToken(text)}` }, ...line), below))
      : h("li", { class: "tree-end" }, ...line);
    return {
      element,
      draw(found, before) {
        const one = found?.prob(rank) ?? null;
        say(share, one === null ? "?" : one.high === 0 ? "removed" : span(one, probability));
        all = one === null ? { low: 0, high: before.high } : { low: one.low * before.low, high: one.high * before.high };
        say(joint, path.length === 0 ? "" : span(all, probability));
        bar.style.transform = `scaleX(${one?.high ?? 0})`;
        element.classList.toggle("removed", one?.high === 0);
        next?.draw(all);
      },
    };
  }

  return {
    element: h(
      "section",
      { class: "card tree", "aria-label": "Continuations" },
      h("p", {}, h("b", {}, "Continuations "), help("processed"), " ", h("small", {}, `The ${SHOWN} most likely tokens. Open one to see what would follow it. Blue: the share of a token after those above it. Grey: the share of the whole text.`)),
      first.element,
    ),
    draw(now) {
      chain = now;
      first.draw({ low: 1, high: 1 });
    },
  };
}
