'use strict';
// The number beside a slider: what is empty, out of range, or not whole where the slider is, reaches neither Gradio nor
// the server; on Enter, and where the field is left, the value from before is back.
{
  let before = '';
  const isField = (element) => element instanceof HTMLInputElement && element.type === 'number';

  function isUsable({ value, valueAsNumber, validity, step }) {
    const isWhole = Number.isInteger(valueAsNumber) || !Number.isInteger(Number(step));
    return value !== '' && isWhole && !validity.rangeUnderflow && !validity.rangeOverflow;
  }

  function ended({ target }) {
    if (!isField(target)) return;
    if (isUsable(target)) {
      before = target.value;
    } else {
      target.value = before;
      target.dispatchEvent(new Event('input', { bubbles: true })); // “1” of “12” was usable while it was typed
    }
  }

  window.addEventListener('focusin', ({ target }) => { if (isField(target)) before = target.value; });
  window.addEventListener('input', (event) => {
    if (!isField(event.target)) return;
    const usable = isUsable(event.target);
    event.target.ariaInvalid = String(!usable);
    if (!usable) event.stopImmediatePropagation();
  }, true);
  window.addEventListener('change', ended, true); // Enter too
  window.addEventListener('focusout', ended, true);
}
