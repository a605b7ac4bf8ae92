// What a view hands out: JSON, CSV, SVG and PNG, made here and without a network.

export interface Download {
  /** The name of the file without its ending. */
  name: string;
  json: () => unknown;
  csv: () => (string | number | null)[][];
  svg: () => SVGSVGElement | null;
}

export type Kind = "json" | "csv" | "svg" | "png";

/** Save one kind of file of a view. */
export async function download(from: Download, kind: Kind): Promise<void> {
  const file = `${from.name}.${kind}`;
  if (kind === "json") return saveFile(file, new Blob([JSON.stringify(from.json(), null, 2)], { type: "application/json" }));
  if (kind === "csv") return saveFile(file, new Blob([csvText(from.csv())], { type: "text/csv;charset=utf-8" }));
  const drawing = from.svg();
  if (drawing === null) return;
  const text = standaloneSvg(drawing);
  if (kind === "svg") return saveFile(file, new Blob([text], { type: "image/svg+xml" }));
  saveFile(file, await toPng(text, drawing));
}

/** RFC 4180, with a guard: a cell that a spreadsheet would run as a formula begins with an apostrophe. */
export function csvText(rows: (string | number | null)[][]): string {
  return rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const INLINED = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-opacity", "opacity"];
const INLINED_TEXT = ["font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline"];

/** The drawing with the page's colours written into it, so that it looks the same elsewhere. */
export function standaloneSvg(drawing: SVGSVGElement): string {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  originals.forEach((original, place) => {
    const style = getComputedStyle(original);
    for (const name of original.tagName === "text" || original.tagName === "tspan" ? [...INLINED, ...INLINED_TEXT] : INLINED) {
      copies[place]!.setAttribute(name, style.getPropertyValue(name));
    }
    copies[place]!.removeAttribute("class");
  });
  const box = drawing.viewBox.baseVal;
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("width", String(box.width));
  copy.setAttribute("height", String(box.height));
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  paper.setAttribute("width", "100%");
  paper.setAttribute("height", "100%");
  paper.setAttribute("fill", getComputedStyle(drawing).getPropertyValue("--card") || "#fff");
  copy.prepend(paper);
  return new XMLSerializer().serializeToString(copy);
}

async function toPng(text: string, drawing: SVGSVGElement): Promise<Blob> {
  const scale = 2;
  const box = drawing.viewBox.baseVal;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = scale * box.width;
  canvas.height = scale * box.height;
  canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture could not be made"))), "image/png"),
  );
}

export function saveFile(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
