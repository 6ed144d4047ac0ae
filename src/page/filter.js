'use strict';
(() => {
  const form = document.getElementById('filter');
  if (!form) return;
  const told = document.getElementById('told');
  const signals = Array.from(document.querySelectorAll('article.signal'));
  const names = ['watch', 'state', 'text'];

  // A fragment with a `=` is a filter; any other leads to a place on the page, which must then be seen.
  const asked = () => new URLSearchParams(location.hash.includes('=') ? location.hash.slice(1) : '');

  const apply = () => {
    const filter = asked();
    for (const name of names) {
      const field = form.elements.namedItem(name);
      const value = filter.get(name) || '';
      if (field.value !== value) field.value = value;
    }
    const watch = filter.get('watch');
    const state = filter.get('state');
    const words = (filter.get('text') || '').toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const signal of signals) {
      const data = signal.dataset;
      const fits = (!watch || data.watch === watch) && (!state || data.state === state) &&
        words.every((word) => data.text.includes(word));
      signal.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    told.textContent = shown === signals.length ? `All ${shown} are shown` : `${shown} of ${signals.length} are shown`;
  };

  const remember = () => {
    const filter = new URLSearchParams();
    for (const name of names) {
      const value = form.elements.namedItem(name).value;
      if (value) filter.set(name, value);
    }
    history.replaceState(null, '', `#${filter}`);
    apply();
  };

  form.addEventListener('input', remember);
  form.addEventListener('submit', (event) => event.preventDefault());
  form.addEventListener('reset', (event) => {
    event.preventDefault();
    history.replaceState(null, '', '#');
    apply();
  });
  window.addEventListener('hashchange', () => {
    apply();
    // What was hidden could not be scrolled to.
    const target = document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView();
  });
  form.hidden = false;
  apply();
})();
