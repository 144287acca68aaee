// Elements made and found. Whatever is data goes in as text: there is no way in here for markup.

// made("p", { class: "quiet", title: name }, "text", another): an element; a property that is false or null is left out.
export function made(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-") && value !== null) element.setAttribute(name, String(value));
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const here = (id) => document.getElementById(id);

export function filled(parent, ...children) {
  parent.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return parent;
}

// The text is written only where it is another: a screen reader reads what changes.
export function say(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

export function press(words, act, properties = {}) {
  return made("button", { type: "button", class: "button", onclick: act, ...properties }, words);
}

// What stands where photos would: they did not come, which says nothing of how many there are.
export function notFetched(error, again, words = "The photos did not come") {
  return [made("h2", {}, words), made("p", {}, error.message), press("Try again", again, { class: "button primary" })];
}

// Tabs that move by arrows, as screen readers expect them; chosen(name) is called with the `data-tab` of the one chosen.
export function tabs(list, chosen) {
  const all = () => [...list.querySelectorAll('[role="tab"]')];
  const choose = (tab) => {
    for (const one of all()) {
      one.setAttribute("aria-selected", one === tab);
      one.tabIndex = one === tab ? 0 : -1;
      const panel = one.getAttribute("aria-controls");
      if (panel && all().every((other) => other === one || other.getAttribute("aria-controls") !== panel)) here(panel).hidden = one !== tab;
    }
    chosen(tab.dataset.tab);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const some = all();
    const next = some[(some.indexOf(document.activeElement) + step + some.length) % some.length];
    event.preventDefault();
    event.stopPropagation();
    next.focus();
    choose(next);
  });
  return (name) => {
    const tab = all().find((one) => one.dataset.tab === name);
    if (tab) choose(tab);
  };
}

// Called once, when calls have stopped for a while.
export function calmly(act, ms = 200) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => act(...given), ms);
  };
}

// What the address says, and how it is changed without another page.
export const asked = () => Object.fromEntries(new URLSearchParams(location.search));

export function remember(values) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== ""));
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}
