// Small helpers for the page's elements. Text goes in as text, never as HTML.

export const element = (id) => document.getElementById(id);

/** Makes an element with properties and children. */
export function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Says something in a status line; `isWrong` for what went wrong. */
export function say(status, message, isWrong = false) {
  status.textContent = message;
  status.classList.toggle("wrong", isWrong);
}

/** Hands a file to the user. */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Copies a text; says so in a status line. */
export async function copyText(text, status, done) {
  try {
    await navigator.clipboard.writeText(text);
    say(status, done);
  } catch {
    say(status, "The browser did not allow copying.", true);
  }
}

/** Calls once things have been quiet for so many ms. */
export function whenQuiet(ms, call) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => call(...values), ms);
  };
}
