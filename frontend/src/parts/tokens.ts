// How a token is shown: spaces and line ends as signs, bytes as bytes, and no character that could hide or run away.

import { h } from "./dom.ts";

export interface Piece {
  text: string;
  /** plain: as it is; sign: stands for something invisible; byte: a byte that is no whole character; marker: </s>. */
  kind: "plain" | "sign" | "byte" | "marker";
  /** What a screen reader says. */
  spoken: string;
}

const SIGNS: Record<string, [string, string]> = {
  " ": ["␣", "space"],
  "\n": ["↵", "line break"],
  "\t": ["⇥", "tab"],
  "\r": ["␍", "carriage return"],
  "\u00a0": ["⍽", "no-break space"],
  "\u3000": ["□", "wide space"],
};

const BYTE = /<0x([0-9A-F]{2})>/;
const MARKER = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/;
const INVISIBLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u;
const JOINS = /[\u200d\ufe0f]/;
const EMOJI = /\p{Extended_Pictographic}/u;

/** The pieces of a token's text. */
export function pieces(token: string): Piece[] {
  if (token === "") return [{ text: "(empty)", kind: "sign", spoken: "empty" }];
  if (MARKER.test(token) && !BYTE.test(token)) return [{ text: token, kind: "marker", spoken: `marker ${token}` }];
  return token.split(/(<0x[0-9A-F]{2}>)/).flatMap((part) => {
    const byte = BYTE.exec(part);
    if (byte) return [{ text: `⟨${byte[1]}⟩`, kind: "byte" as const, spoken: `byte ${byte[1]}` }];
    return characters(part);
  });
}

function characters(text: string): Piece[] {
  const found: Piece[] = [];
  const all = [...text];
  all.forEach((character, place) => {
    const sign = SIGNS[character];
    if (sign) found.push({ text: sign[0], kind: "sign", spoken: sign[1] });
    else if (INVISIBLE.test(character) || (JOINS.test(character) && !isInEmoji(all, place))) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
      found.push({ text: `⟨U+${code}⟩`, kind: "byte", spoken: `character U+${code}` });
    } else {
      const last = found.at(-1);
      // A combining mark needs something to stand on.
      const alone = /\p{M}/u.test(character) && !JOINS.test(character) && last?.kind !== "plain";
      const shown = alone ? `◌${character}` : character;
      if (last?.kind === "plain") {
        last.text += shown;
        last.spoken += character;
      } else found.push({ text: shown, kind: "plain", spoken: character });
    }
  });
  return found;
}

function isInEmoji(all: string[], place: number): boolean {
  return place > 0 && (EMOJI.test(all[place - 1]!) || JOINS.test(all[place - 1]!) || /\p{Emoji_Modifier}/u.test(all[place - 1]!));
}

/** One token as an element, apart from the direction of what stands around it. */
export function tokenElement(token: string): HTMLElement {
  const parts = pieces(token).map((piece) =>
    piece.kind === "plain" ? piece.text : h("span", { class: `piece-${piece.kind}` }, piece.text),
  );
  return h("bdi", { class: "token" }, ...parts);
}

/** The same as text alone, for SVG, files and titles. */
export function tokenText(token: string): string {
  return pieces(token)
    .map((piece) => piece.text)
    .join("");
}

/** What a screen reader says of a token. */
export function spokenToken(token: string): string {
  return pieces(token)
    .map((piece) => piece.spoken)
    .join(" ");
}
