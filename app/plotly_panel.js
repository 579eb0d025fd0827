// Runs once per chart, with what Gradio gives; `darkForLight` is ours.
function drawChart(element, props, watch, trigger) {
  const chart = element.querySelector('.chart');
  const downloads = element.querySelector('.downloads');
  const plot = chart.parentElement;
  const thumbnail = thumbnailBeside(chart, element.querySelector('.point-thumbnail'));
  const twinMark = element.querySelector('.twin-mark');
  const patterns = element.querySelector('.patterns');
  let drawn = false;
  let isWaiting = false;
  let drawnDark = null;
  let drawing = Promise.resolve();
  let selected = new Set(); // rows of what is drawn, by `meta.rows` of the traces; kept in figures of the same `meta.rows_of`
  let selectedOf;
  let enclosed = []; // points within the outline that is being drawn
  let isAdding = false;
  let isScrubbing = false;

  const isDark = () => document.body.classList.contains('dark');

  function recoloured(value) {
    if (typeof value === 'string') return darkForLight[value] ?? value;
    if (Array.isArray(value)) return value.map(recoloured);
    if (value && typeof value === 'object') {
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, recoloured(inner)]));
    }
    return value;
  }

  // Slower, where a browser has no WebGL; which is asked for only where it is needed, since a page has few contexts.
  function withoutWebGL(data) {
    const traces = data.filter(({ type }) => type === 'scattergl');
    if (traces.length && !document.createElement('canvas').getContext('webgl')) traces.forEach((trace) => { trace.type = 'scatter'; });
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
      unhovered();
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
      if (selectedOf !== layout.meta?.rows_of) selected = new Set();
      selectedOf = layout.meta?.rows_of;
      definePatterns(data);
      withoutWebGL(data);
      layout.selectionrevision = Date.now(); // plotly would bring back what it remembers of the last figure
      for (const trace of data) trace.selectedpoints = selectedPoints(trace);
      chart.style.height = `${layout.height}px`;
      element.style.maxWidth = layout.meta?.width ? `${layout.meta.width}px` : '';
      chart.style.minWidth = layout.meta?.least ? `${layout.meta.least}px` : '';
      chart.setAttribute('role', layout.meta?.zooms ? 'group' : 'img'); // an image may hold no buttons
      chart.setAttribute('aria-label', layout.meta?.description ?? 'chart');
      await window.Plotly.react(chart, data, layout, {
        displayModeBar: Boolean(layout.meta?.zooms), displaylogo: false, responsive: false,
        modeBarButtonsToRemove: ['sendChartToCloud', 'toImage', 'autoScale2d'], // nothing leaves the page
      });
      if (frames?.length) await window.Plotly.addFrames(chart, frames);
      fillWithImages();
      if (!drawn) {
        drawn = true;
        chart.on('plotly_click', (event) => {
          const point = event.points?.[0];
          if (point) trigger('select', { x: point.x, y: point.y });
        });
        chart.on('plotly_hover', (event) => {
          markTwin(event.points[0]);
          thumbnail.show(event);
        });
        chart.on('plotly_sliderstart', () => { isScrubbing = true; });
        chart.on('plotly_sliderend', ({ step }) => {
          isScrubbing = false;
          trigger('select', { step: Number(step.value) });
        });
        chart.on('plotly_animated', () => { // also where ❚❚ ends it
          const [slider] = chart.layout.sliders ?? [];
          if (slider && !isScrubbing) trigger('select', { step: Number(slider.steps[slider.active].value) });
        });
        chart.on('plotly_unhover', unhovered);
        chart.on('plotly_afterplot', fillWithImages);
        chart.on('plotly_selected', (event) => { enclosed = event?.points ?? []; });
        chart.on('plotly_relayout', ({ selections }) => { if (selections?.length) select(enclosed); });
        chart.on('plotly_deselect', () => select([]));
      }
      downloads.hidden = false;
      fit(true);
    }).catch((error) => console.error('chart:', error));
  }

  // Plotly rejects, with nothing, the promise of an animation that another one interrupts, and nobody can catch it.
  window.addEventListener('unhandledrejection', (event) => { if (event.reason === undefined) event.preventDefault(); });

  // A ring around the same point in the other panel, whose trace is named in `meta.twin`.
  function markTwin({ pointNumber, data }) {
    const twin = chart._fullData[data.meta?.twin];
    if (!twin) return;
    const { xaxis, yaxis } = Object.fromEntries(['xaxis', 'yaxis'].map(
      (axis) => [axis, chart._fullLayout[axis + twin[axis].slice(1)]])); // 'x2' lies in `xaxis2`
    const [x, y] = [xaxis.l2p(twin.x[pointNumber]), yaxis.l2p(twin.y[pointNumber])];
    twinMark.style.left = `${xaxis._offset + x}px`;
    twinMark.style.top = `${yaxis._offset + y}px`;
    twinMark.hidden = x < 0 || x > xaxis._length || y < 0 || y > yaxis._length;
  }

  // Points of a trace that are selected; null where nothing is, and of a trace whose points are not rows.
  function selectedPoints({ meta }) {
    return selected.size && meta?.rows ? meta.rows.flatMap((row, point) => (selected.has(row) ? [point] : [])) : null;
  }

  // The same rows in both panels. The outline goes: points move on from under it, and stay selected.
  function select(points) {
    const rows = points.flatMap(({ data, pointNumber }) => data.meta?.rows?.[pointNumber] ?? []);
    selected = new Set(isAdding ? [...selected, ...rows] : rows);
    window.Plotly.update(chart, { selectedpoints: chart.data.map(selectedPoints) }, { selections: [] });
    trigger('points', { rows: [...selected] });
  }

  // Marks that show images: plotly fills a mark with a colour, so each gets a pattern that holds its image instead.
  const patternOf = (row) => `${chart.closest('[id]:not([id^="html-"])').id}-row-${row}`;

  function definePatterns(data) {
    const images = new Map(data.filter(({ meta }) => meta?.as_images).flatMap(
      ({ meta }) => meta.rows.map((row, point) => [patternOf(row), meta.thumbnails[point]])));
    patterns.innerHTML = Array.from(images, ([id, image]) => `<pattern id="${id}" width="1" height="1" patternContentUnits="objectBoundingBox">`
      + `<image href="${image}" width="1" height="1" preserveAspectRatio="xMidYMid slice"/></pattern>`).join('');
  }

  function fillWithImages() {
    for (const { uid, visible, meta } of chart._fullData) {
      if (!visible || !meta?.as_images) continue;
      chart.querySelectorAll(`.trace${uid} .points path`).forEach((mark, point) => {
        if (meta.thumbnails[point]) mark.style.fill = `url(#${patternOf(meta.rows[point])})`;
      });
    }
  }

  function unhovered() {
    thumbnail.hide();
    twinMark.hidden = true;
  }

  // A chart drawn in a tab that is not shown has no width yet, and a phone may be turned; `meta` may hold a form for each.
  function fit(isNew = false) {
    const width = chart.clientWidth;
    if (!drawn || !width) return;
    plot.tabIndex = plot.scrollWidth > plot.clientWidth ? 0 : -1; // whoever has no mouse scrolls it too
    const form = chart.layout.meta?.[width < 600 ? 'narrow' : 'wide'];
    if (chart._fullLayout?.width === width && !(isNew && form)) return;
    if (form) chart.style.height = `${form.height}px`;
    window.Plotly.relayout(chart, { autosize: true, width, ...form });
  }

  downloads.addEventListener('click', (event) => {
    const kind = event.target.closest('button')?.dataset.as;
    if (kind) saveChart(chart, kind, chart.closest('[id]:not([id^="html-"])')?.id ?? 'chart');
  });
  chart.addEventListener('pointerdown', (event) => { isAdding = event.shiftKey; }, true);
  watch('value', draw);
  new ResizeObserver(() => {
    unhovered(); // also where another tab is opened
    if (isWaiting) draw();
    else fit();
  }).observe(chart);
  new MutationObserver(() => { if (isDark() !== drawnDark) draw(); }).observe(document.body, { attributes: true, attributeFilter: ['class'] });
  draw();
}
