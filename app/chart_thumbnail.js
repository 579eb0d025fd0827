// What the point under the pointer shows, beside its hover label, into which Plotly lets no picture. `card` lies in the
// same box as the chart. Pictures are data URLs in `meta.thumbnails` of a trace, one a point, '' where there is none.
function thumbnailBeside(chart, card) {
  const LONG_SIDE = 80; // CSS pixels
  const GAP = 4;
  const image = card.querySelector('img');
  let shown = '';

  function hide() {
    shown = '';
    card.hidden = true;
  }

  // Above the label or, where there is no room, below it, from the edge that is nearer to the point, within the chart.
  function place(pointerX) {
    const label = chart.querySelector('.hoverlayer .hovertext')?.getBoundingClientRect();
    if (!label) return hide();
    const scale = LONG_SIDE / Math.max(image.naturalWidth, image.naturalHeight);
    image.width = Math.round(scale * image.naturalWidth);
    image.height = Math.round(scale * image.naturalHeight);
    card.hidden = false;
    const box = card.parentElement.getBoundingClientRect();
    const isLeftOfPoint = label.left + label.right < 2 * pointerX;
    const left = (isLeftOfPoint ? label.right - card.offsetWidth : label.left) - box.left;
    const above = label.top - box.top - GAP - card.offsetHeight;
    card.style.left = `${Math.max(0, Math.min(left, box.width - card.offsetWidth))}px`;
    card.style.top = `${above >= 0 ? above : label.bottom - box.top + GAP}px`;
  }

  function show(event) {
    const point = event.points?.[0];
    const source = point?.data.meta?.thumbnails?.[point.pointNumber];
    hide();
    if (!source) return;
    shown = source;
    image.src = source;
    const ifStillWanted = (then) => () => { if (shown === source) then(); };
    image.decode().then(ifStillWanted(() => place(event.event.clientX)), ifStillWanted(hide));
  }

  return { show, hide };
}
