// Runs once per chart, with `element`, `props`, `watch` and `trigger` given by Gradio, and `darkForLight` by us.
const chart = element.querySelector('.chart');
const downloads = element.querySelector('.downloads');
const thumbnail = thumbnailBeside(chart, element.querySelector('.point-thumbnail'));
let drawn = false;
let isWaiting = false;
let drawnDark = null;
let drawing = Promise.resolve();

const isDark = () => document.body.classList.contains('dark');

function recoloured(value) {
  if (typeof value === 'string') return darkForLight[value] ?? value;
  if (Array.isArray(value)) return value.map(recoloured);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, recoloured(inner)]));
  }
  return value;
}

function plotlyReady() {
  if (window.Plotly) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!window.Plotly) return;
      clearInterval(timer);
      resolve();
    }, 30);
  });
}

function draw() {
  drawing = drawing.then(plotlyReady).then(async () => {
    isWaiting = !chart.isConnected; // a tab that is being opened may still be laid out beside the page
    if (isWaiting) return;
    thumbnail.hide();
    if (!props.value) {
      if (drawn) window.Plotly.purge(chart);
      drawn = false;
      chart.style.height = '0';
      downloads.hidden = true;
      return;
    }
    const figure = JSON.parse(props.value);
    drawnDark = isDark();
    const { data, layout, frames } = drawnDark ? recoloured(figure) : figure;
    chart.style.height = `${layout.height}px`;
    chart.style.maxWidth = layout.meta?.width ? `${layout.meta.width}px` : '';
    chart.setAttribute('role', layout.meta?.zooms ? 'group' : 'img'); // an image may hold no buttons
    chart.setAttribute('aria-label', layout.meta?.description ?? 'chart');
    await window.Plotly.react(chart, data, layout, {
      displayModeBar: Boolean(layout.meta?.zooms), displaylogo: false, responsive: false,
      modeBarButtonsToRemove: ['sendChartToCloud', 'toImage', 'lasso2d', 'select2d', 'autoScale2d'], // nothing leaves the page
    });
    if (frames?.length) await window.Plotly.addFrames(chart, frames);
    if (!drawn) {
      drawn = true;
      chart.on('plotly_click', (event) => {
        const point = event.points?.[0];
        if (point) trigger('select', { x: point.x, y: point.y });
      });
      chart.on('plotly_hover', hovered);
      chart.on('plotly_sliderend', ({ step }) => trigger('select', { step: Number(step.value) }));
      chart.on('plotly_unhover', thumbnail.hide);
    }
    downloads.hidden = false;
    fit(true);
  }).catch((error) => console.error('chart:', error));
}

// Plotly rejects, with nothing, the promise of an animation that another one interrupts, and nobody can catch it.
window.addEventListener('unhandledrejection', (event) => { if (event.reason === undefined) event.preventDefault(); });

// A point's twin in the other panel, which its trace names, is told beside it.
function hovered(event) {
  const [{ curveNumber, pointNumber, data }] = event.points;
  const at = [curveNumber, data.meta?.twin].map((curve) => ({ curveNumber: curve, pointNumber }));
  if (data.meta?.twin !== undefined) window.Plotly.Fx.hover(chart, at, ['xy', 'x2y2'], true);
  thumbnail.show(event);
}

// A chart drawn in a tab that is not shown has no width yet, and a phone may be turned; `meta` may hold a form for each.
function fit(isNew = false) {
  const width = chart.clientWidth;
  if (!drawn || !width) return;
  const form = chart.layout.meta?.[width < 600 ? 'narrow' : 'wide'];
  if (chart._fullLayout?.width === width && !(isNew && form)) return;
  if (form) chart.style.height = `${form.height}px`;
  window.Plotly.relayout(chart, { autosize: true, width, ...form });
}

downloads.addEventListener('click', (event) => {
  const kind = event.target.closest('button')?.dataset.as;
  if (kind) saveChart(chart, kind, chart.closest('[id]:not([id^="html-"])')?.id ?? 'chart');
});
watch('value', draw);
new ResizeObserver(() => {
  thumbnail.hide(); // also where another tab is opened
  if (isWaiting) draw();
  else fit();
}).observe(chart);
new MutationObserver(() => { if (isDark() !== drawnDark) draw(); }).observe(document.body, { attributes: true, attributeFilter: ['class'] });
draw();
