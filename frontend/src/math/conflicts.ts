// Where the settings of a chain conflict at one position, in the words of retort.chain.explain.

import { ChainError, hotStage, stageText, temperatureOf, type Chain, type Stage } from "./stage.ts";
import { TRANSFORMS } from "./transforms.ts";

/** A chain at one position: what each stage did there, and what other chains would leave (S). */
export interface Setup<S> {
  readonly chain: Chain;
  readonly stages: readonly { readonly stage: Stage; readonly kept: number; readonly removed: number }[];
  /** How many tokens could come at all, and how many hold 90% of the probability at τ = 1. */
  readonly before: number;
  readonly nucleus: number;
  /** Throws ChainError where the known tokens do not tell. */
  readonly survivors: (chain: Chain) => S;
  readonly size: (left: S) => number;
  readonly same: (a: S, b: S) => boolean;
}

/** Every conflict found, one sentence each; what a list of known tokens cannot tell is left out. */
export function warnings<S>(setup: Setup<S>): string[] {
  const truncations = setup.chain.filter(truncates);
  if (temperatureOf(setup.chain) === 0) {
    if (truncations.length === 0) return [];
    return [`${stageText(hotStage(setup.chain)!)} takes the most likely token in any case, so ${listed(truncations)} cannot change the result.`];
  }
  const total = setup.stages.at(-1)?.kept ?? setup.before;
  return [idle, moot, tighterTogether, lateTemperature, noChoiceLeft, opposed, manyTruncations].flatMap((check) => {
    try {
      return check(setup, truncations, total);
    } catch (problem) {
      if (problem instanceof ChainError) return [];
      throw problem;
    }
  });
}

type Check = <S>(setup: Setup<S>, truncations: Chain, total: number) => string[];

const idle: Check = ({ stages }) =>
  stages
    .filter(({ stage, removed }) => truncates(stage) && removed === 0)
    .map(({ stage, kept }) => `${stageText(stage)} removes nothing here: ${kept === 1 ? "one token reaches it" : `it keeps all ${counted(kept)} tokens that reach it`}.`);

const moot: Check = (setup, truncations, total) => {
  const { chain, survivors, same } = setup;
  const final = survivors(chain);
  return setup.stages.flatMap(({ stage, removed }) => {
    if (!truncates(stage) || removed === 0) return [];
    if (!same(survivors(chain.filter((other) => other !== stage)), final)) return [];
    const by = truncations.find((other) => other !== stage && same(survivors(alone(chain, other)), final));
    return [`${stageText(stage)} is made moot by ${by ? stageText(by) : "the other stages"}: without it the same ${tokens(total)} would be kept.`];
  });
};

const tighterTogether: Check = ({ chain, survivors, size }, truncations, total) => {
  if (truncations.length < 2) return [];
  const counts = truncations.map((stage) => size(survivors(alone(chain, stage))));
  if (total >= Math.min(...counts)) return [];
  const each = truncations.map((stage, place) => `${stageText(stage)} keeps ${counted(counts[place]!)}`).join(", ");
  return [
    `together the stages keep ${tokens(total)}, fewer than any of them alone (${each}): each one cuts what the one ` +
      "before it left.",
  ];
};

const lateTemperature: Check = ({ chain, survivors, size }, _truncations, total) => {
  const hot = hotStage(chain);
  const early = hot === undefined ? [] : chain.slice(0, chain.indexOf(hot)).filter(truncates);
  if (hot === undefined || early.length === 0) return [];
  const others = chain.filter((stage) => stage !== hot);
  const at = chain.indexOf(early[0]!);
  const first = size(survivors([...others.slice(0, at), hot, ...others.slice(at)]));
  if (first === total) return [];
  const [comes, sees] = early.length === 1 ? ["comes", "it does"] : ["come", "they do"];
  return [
    `${listed(early)} ${comes} before ${stageText(hot)}, so ${sees} not see that temperature; ${tokens(total)} ${total === 1 ? "remains" : "remain"}; ` +
      `with temperature first, as is retort's default, it would be ${counted(first)}.`,
  ];
};

const noChoiceLeft: Check = ({ before }, truncations, total) =>
  truncations.length === 0 || total !== 1 || before === 1
    ? []
    : ["one token is left, so every draw here is the greedy token, whatever temperature and seed."];

const opposed: Check = ({ chain, nucleus }, truncations, total) => {
  const temperature = temperatureOf(chain);
  if (temperature <= 1 || truncations.length === 0 || total >= nucleus) return [];
  return [
    `temperature=${Number(temperature.toPrecision(6))} asks for more variety, but the truncations then keep ${tokens(total)}, fewer than ` +
      `the ${counted(nucleus)} that hold 90% of the probability at temperature 1.`,
  ];
};

const manyTruncations: Check = (_setup, truncations) =>
  truncations.length < 3
    ? []
    : [
        `${truncations.length} truncations are stacked; one is usually enough, and easier to reason about: ` +
          "set the temperature first, then top_p=0.9, say.",
      ];

function truncates(stage: Stage): boolean {
  return TRANSFORMS.get(stage.name)!.truncates;
}

/** The chain with this one truncation only. */
function alone(chain: Chain, truncation: Stage): Chain {
  return chain.filter((stage) => stage === truncation || !truncates(stage));
}

function listed(stages: Chain): string {
  const names = stages.map(stageText);
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function tokens(count: number): string {
  return `${counted(count)} token${count === 1 ? "" : "s"}`;
}

function counted(count: number): string {
  return count.toLocaleString("en");
}
