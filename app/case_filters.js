'use strict';
// Shows those of the listed cases that the form above them asks for; used by the page and by the report.
function filterCases(root) {
  const filters = root.querySelector('.filters');
  if (!filters) return;
  const cases = [...root.querySelectorAll('.cases > details')];
  const chosen = (name) => filters.querySelector(`[data-filter="${name}"]`);
  const words = chosen('words').value.trim().toLowerCase();
  let shown = 0;
  for (const item of cases) {
    const isHidden = ['modality', 'label'].some((kind) => {
      const value = chosen(kind)?.value;
      return value && item.dataset[kind] !== value;
    }) || (chosen('differs').checked && !('differs' in item.dataset))
      || (words && !item.textContent.toLowerCase().includes(words));
    item.hidden = isHidden;
    shown += isHidden ? 0 : 1;
  }
  filters.querySelector('output').textContent = shown === cases.length ? `${shown} cases` : `${shown} of ${cases.length} cases`;
  filters.hidden = false;
}
