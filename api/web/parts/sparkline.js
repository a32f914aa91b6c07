// A small course of prices as one line, with the level it began at.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120, HEIGHT = 24, MARGIN = 2;

export function sparkline() {
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  picture.setAttribute("preserveAspectRatio", "none");
  picture.setAttribute("aria-hidden", "true");
  picture.level = picture.appendChild(document.createElementNS(SVG, "line"));
  picture.course = picture.appendChild(document.createElementNS(SVG, "polyline"));
  return picture;
}

export function drawSparkline(picture, prices) {
  if (picture.drawn === prices) return;
  picture.drawn = prices;
  const low = Math.min(...prices), span = Math.max(...prices) - low || 1;
  const x = (k) => ((k / Math.max(1, prices.length - 1)) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - MARGIN - ((value - low) / span) * (HEIGHT - 2 * MARGIN)).toFixed(1);
  picture.course.setAttribute("points", prices.map((value, k) => `${x(k)},${y(value)}`).join(" "));
  const level = prices.length ? y(prices[0]) : HEIGHT / 2;
  for (const [name, value] of [["x1", 0], ["x2", WIDTH], ["y1", level], ["y2", level]]) {
    picture.level.setAttribute(name, value);
  }
}
