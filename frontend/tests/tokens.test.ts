import { expect, test } from "vitest";
import { csvText } from "../src/parts/download.ts";
import { number, probability, tau } from "../src/parts/format.ts";
import { pieces, tokenText } from "../src/parts/tokens.ts";
import { inOrderOf } from "../src/math/engines.ts";
import { chainText, leftOut, parseChain, readableChain } from "../src/math/chain.ts";
import { leafAt } from "../src/views/path.ts";

test.each([
  [" blue", "␣blue"],
  ["a\n\tb\r", "a↵⇥b␍"],
  ["\u00a0x\u3000", "⍽x□"],
  ["<0xE2><0x82>", "⟨E2⟩⟨82⟩"],
  ["</s>", "</s>"],
  ["<|end|>", "<|end|>"],
  ["\u200b", "⟨U+200B⟩"],
  ["\u202eabc", "⟨U+202E⟩abc"],
  ["\ufeff", "⟨U+FEFF⟩"],
  ["", "∅"],
  ["天空", "天空"],
  ["سماء", "سماء"],
  ["👩‍👩‍👧", "👩‍👩‍👧"],
  ["❤️", "❤️"],
  ["👍🏽", "👍🏽"],
  ["\u200d", "⟨U+200D⟩"],
  ["\u0301", "◌\u0301"],
  ["e\u0301", "e\u0301"],
  [" \u0301", "␣◌\u0301"],
  ["क्ष", "क्ष"],
  ["a<b", "a<b"],
  ["\u0000", "⟨U+0000⟩"],
])("%j is shown as %s", (token, shown) => {
  expect(tokenText(token)).toBe(shown);
});

test("what a piece is, is said", () => {
  expect(pieces(" é<0x0A>").map((piece) => piece.kind)).toEqual(["sign", "plain", "byte"]);
  expect(pieces("\n")[0]!.spoken).toBe("line break");
  expect(pieces("</s>")[0]!.kind).toBe("marker");
});

test("numbers as retort's tables write them", () => {
  expect(probability(0.51639)).toBe("51.64 %");
  expect(probability(0.00001234)).toBe("1.2·10⁻⁵");
  expect(probability(0)).toBe("0 %");
  expect(number(-6.98234)).toBe("−6.982");
  expect(number(Infinity)).toBe("∞");
  expect(number(null)).toBe("–");
  expect(tau(0.30000000000000004)).toBe("0.3");
});

test("a cell of a table cannot become a formula or break its row", () => {
  expect(csvText([["=1+1", "a,b", 'say "x"', null, 1.5, "\n"]])).toBe(`'=1+1,"a,b","say ""x""",,1.5,"\n"\r\n`);
});

test("the order of an engine", () => {
  const chain = parseChain("temperature=0.8 | top_k=5 | top_p=0.9 | min_p=0.1");
  expect(chainText(inOrderOf("llama.cpp", chain))).toBe("top_k=5 | top_p=0.9 | min_p=0.1 | temperature=0.8");
  expect(chainText(inOrderOf("vllm", chain))).toBe("temperature=0.8 | min_p=0.1 | top_k=5 | top_p=0.9");
});

test.each([["top_p", /name=value/], ["warm=1", /does not compute “warm”/], ["top_p=2", /from 0 to 1, got 2/], ["top_k=1.5", /whole number/], ["temperature=1 | temp=2", /once/]])(
  "the chain %s is refused",
  (text, why) => expect(() => parseChain(text)).toThrow(why),
);

test("stages that the page cannot compute are named", () => {
  const others = (text: string) => readableChain(text).others;
  expect(leftOut(others("temperature=1 | top_k=5"))).toBeNull();
  expect(leftOut(others("top_k=5 | typical_p=0.9"))).toBe("The page does not compute typical_p=0.9: its numbers are without it.");
  expect(leftOut(others("typical_p=0.9 | top_k=5 | mirostat=2"))).toBe(
    "The page does not compute typical_p=0.9, mirostat=2: its numbers are without them.",
  );
});

test("the text of a temperature", () => {
  const leaves = [[0, 0.4], [0.5, 0.5], [0.7, 2]].map(([low, high]) => ({ temperature_low: low, temperature_high: high })) as any;
  expect([0, 0.39, 0.44, 0.46, 0.55, 0.69, 3].map((t) => leafAt(leaves, t))).toEqual([0, 0, 0, 1, 1, 2, 2]);
});
