import { expect, test } from "vitest";
import { csvText } from "../src/parts/download.ts";
import { number, probability, tau } from "../src/parts/format.ts";
import { pieces, tokenText } from "../src/parts/tokens.ts";
import { asIn } from "../src/math/engines.ts";
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
  ["", "(empty)"],
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
  expect(probability(0.51639)).toBe("51.64%");
  expect(probability(0.00001234)).toBe("1.2e-5");
  expect(probability(0)).toBe("0");
  expect(number(-6.98234)).toBe("−6.982");
  expect(number(Infinity)).toBe("inf");
  expect(number(null)).toBe("–");
  expect(tau(0.30000000000000004)).toBe("0.3");
});

test("a cell of a table cannot become a formula or break its row", () => {
  expect(csvText([["=1+1", "a,b", 'say "x"', null, 1.5, "\n"]])).toBe(`'=1+1,"a,b","say ""x""",,1.5,"\n"\r\n`);
});

test("the order and the ties of an engine", () => {
  const chain = parseChain("temperature=0.8 | top_k=5 | top_p=0.9 | min_p=0.1");
  expect(chainText(asIn("sglang", chain))).toBe("temperature=0.8 | top_k(5, ties=all) | top_p(0.9, ties=all) | min_p=0.1");
  expect(chainText(asIn("llama.cpp", chain))).toBe("top_k=5 | top_p=0.9 | min_p=0.1 | temperature=0.8");
  expect(chainText(asIn("vllm", chain))).toBe("temperature=0.8 | min_p=0.1 | top_k=5 | top_p=0.9");
});

test.each([["top_p", /name=value/], ["warm=1", /does not compute “warm”/], ["top_p=2", /from 0 to 1, got 2/], ["top_k=1.5", /whole number/], ["temperature=1 | temp=2", /once/]])(
  "the chain %s is refused",
  (text, why) => expect(() => parseChain(text)).toThrow(why),
);

test("stages that the page cannot compute are named", () => {
  const others = (text: string) => readableChain(text).others;
  expect(leftOut(others("temperature=1 | top_k=5"))).toBeNull();
  expect(leftOut(others("top_k(5, ties=all) | typical_p=0.9 | dry(multiplier=1)"))).toBeNull();
  expect(leftOut(others("top_k=5 | xtc(probability=0.5, threshold=0.1)"))).toBe(
    "The page does not compute xtc(probability=0.5, threshold=0.1) (it throws a coin for every token): its numbers are without it.",
  );
  expect(leftOut(others("allowed(3, 8-11) | top_k=5 | mirostat(version=2, tau=5, eta=0.1)"))).toBe(
    "The page does not compute allowed(3, 8-11) (it names tokens by id), mirostat(version=2, tau=5, eta=0.1) (it remembers the tokens before): " +
      "its numbers are without them.",
  );
});

test.each([
  ["top_k(5, ties=some)", "top_k's ties must be lowest or all, got some"],
  ["top_p(0.9, ends=all)", "top_p has no setting “ends” here; it has top_p, ties, min_keep"],
  ["repetition_penalty=0", "repetition_penalty must be a number above 0, got 0"],
  ["presence_penalty(1, scope=last)", "presence_penalty's scope must be all, output or last:N, got last"],
  ["dry(base=2)", "dry needs its multiplier"],
  ["xtc(probability=1)", "the page does not compute “xtc”: it throws a coin for every token"],
  ["temperature=1 | dynatemp(range=0.5)", "a chain may hold temperature or dynatemp once; two temperatures in a row are one, their product"],
])("a stage that is wrong is told in a sentence: %s", (text, said) => {
  expect(() => parseChain(text)).toThrow(said);
});

test("a stage is written as it is read", () => {
  for (const text of ["top_k(5, ties=all)", "dry(multiplier=0.8, base=1.75, allowed_length=2, last_n=-1)", "top_p(0.9, ties=highest, min_keep=2)", "repetition_penalty(1.1, scope=last:64)"]) {
    expect(chainText(parseChain(text))).toBe(text);
  }
  expect(chainText(parseChain("top_k(5, ties=lowest) | presence_penalty(0.5, scope=last:0) | repeat-penalty=1.1"))).toBe("top_k=5 | repetition_penalty=1.1");
});

test("the text of a temperature", () => {
  const leaves = [[0, 0.4], [0.5, 0.5], [0.7, 2]].map(([low, high]) => ({ temperature_low: low, temperature_high: high })) as any;
  expect([0, 0.39, 0.44, 0.46, 0.55, 0.69, 3].map((t) => leafAt(leaves, t))).toEqual([0, 0, 0, 1, 1, 2, 2]);
});
