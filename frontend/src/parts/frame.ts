// When to draw: once a frame however often it is asked for, and again where a drawing has got another width.

/** A function that runs `draw` before the next frame, once. */
export function everyFrame(draw: () => void): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  };
}

/** Keeps a drawing at one unit a pixel: sets its viewBox to its width on the screen and calls `draw` with it. */
export function atItsWidth(element: SVGSVGElement, height: number, draw: (width: number) => void): () => void {
  let shown = 0;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.max(280, Math.round(entry!.contentRect.width));
    if (width === shown || entry!.contentRect.width === 0) return;
    shown = width;
    element.setAttribute("viewBox", `0 0 ${width} ${height}`);
    draw(width);
  });
  observer.observe(element);
  return () => observer.disconnect();
}
