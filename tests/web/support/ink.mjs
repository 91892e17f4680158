/** How many pixels of a chart carry ink. */
export const inked = (page, title) => page.evaluate((name) => {
  const canvas = document.querySelector(`section[aria-label="${name}"] canvas`);
  if (!canvas) return 0;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) count += data[at] > 0 ? 1 : 0;
  return count;
}, title);
