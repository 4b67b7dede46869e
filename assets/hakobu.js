// What pages gain when scripts run. Nothing here is needed to do a task; nothing here holds a word of any language:
// texts come from data attributes. Keys are ignored while an input method composes.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const say = (text) => {
  const place = document.querySelector("[data-say]");
  if (place && text) place.textContent = text;
};

// Enter that fixes kanji must not submit, nor a shortcut fire. (229 is how older browsers say "composing".)
const composing = (event) => event.isComposing || event.keyCode === 229;
document.addEventListener("keydown", (event) => {
  if (!composing(event)) return;
  if (event.key === "Enter" && event.target.matches("input, select")) event.preventDefault();
  event.stopImmediatePropagation();
}, true);

// Ctrl+S saves the form that asks for it.
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s" || event.altKey) return;
  const form = event.target.closest?.("form[data-save]") ?? document.querySelector("form[data-save]");
  if (!form) return;
  event.preventDefault();
  form.requestSubmit();
});

// A form is sent once: a second press while the first is on its way does nothing. A dialog may be answered again, and
// what is downloaded (data-again) may be wanted twice: the page stays.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || event.submitter?.formTarget || form.target) return;
  if (form.getAttribute("method") === "dialog" || "again" in form.dataset) return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "1";
  form.removeAttribute("data-changed");
});
window.addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Leaving with unsaved changes asks first.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (form) form.dataset.changed = "1";
});
window.addEventListener("beforeunload", (event) => {
  if (all("form[data-changed]").some((form) => !form.dataset.sent)) event.preventDefault();
});

// <form data-confirm="ID-of-a-dialog">: the dialog's form[method=dialog] answers with value "yes".
document.addEventListener("submit", (event) => {
  const form = event.target;
  const dialog = form.dataset.confirm && document.getElementById(form.dataset.confirm);
  if (!dialog || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dialog.returnValue = "";
  dialog.showModal();
  const submitter = event.submitter;
  dialog.addEventListener("close", () => {
    if (dialog.returnValue !== "yes") return;
    form.dataset.confirmed = "1";
    form.requestSubmit(submitter);
  }, { once: true });
}, true);

// <button data-copy="ID" data-done="…" hidden>
const copies = (root) => all("[data-copy]", root).forEach((button) => {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(from.value ?? from.textContent);
    say(button.dataset.done);
    const label = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
});

// <button data-reveal="ID" hidden aria-pressed="false">
const reveals = (root) => all("[data-reveal]", root).forEach((button) => {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
});

// <input type="checkbox" data-all="name"> ticks every box of that name in its form.
const ticks = (root) => all("[data-all]", root).forEach((box) => {
  box.hidden = false;
  box.addEventListener("change", () => all(`input[name="${box.dataset.all}"]`, box.form ?? document)
    .forEach((each) => { each.checked = box.checked; }));
});

// <form data-auto>: a choice sends the form (filters); its button is for those without scripts.
const autos = (root) => all("form[data-auto] select", root).forEach((select) =>
  select.addEventListener("change", () => select.form.requestSubmit()));

// <button data-press="400">: pressed by itself that many milliseconds after the last change in its form (previews,
// counts). It names a formaction and a formtarget, so it works by hand, too.
const presses = (root) => all("[data-press]", root).forEach((button) => {
  let timer = 0;
  document.addEventListener("input", (event) => {
    if (composing(event) || !button.form || event.target.form !== button.form) return;
    clearTimeout(timer);
    timer = setTimeout(() => button.form.requestSubmit(button), Number(button.dataset.press) || 400);
  });
});

// <div data-count="/segments/count" data-from="FORM-ID">: shows what the address answers to the form, while typing.
const counts = (root) => all("[data-count]", root).forEach((place) => {
  const form = document.getElementById(place.dataset.from);
  let timer = 0, turn = 0;
  const ask = async () => {
    const mine = ++turn;
    const answer = await fetch(place.dataset.count, {
      method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "X-CSRF-Token": document.body.dataset.csrf },
    }).catch(() => null);
    if (answer && mine === turn) swap(place, await answer.text());
  };
  form?.addEventListener("input", (event) => {
    if (composing(event)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, 400);
  });
});

// New content for a region; what has the focus keeps it.
const swap = (region, html) => {
  const held = region.contains(document.activeElement) ? document.activeElement.id : "";
  region.innerHTML = html;
  start(region);
  if (held) document.getElementById(held)?.focus();
  const told = region.querySelector("[data-tell]")?.dataset.tell ?? "";
  if (told !== region.dataset.told) { region.dataset.told = told; say(told); }
};

// <div data-live="/campaigns/c1/live">: events while they come, else asking every five seconds. A fragment speaks to
// screen readers through data-tell, which changes in steps and not with every tick. data-then: where to go at the end.
const lives = (root) => all("[data-live]", root).forEach((region) => {
  const address = region.dataset.live;
  let events, timer;
  const over = () => {
    region.dataset.stopped = "1";
    events?.close();
    clearTimeout(timer);
    if (region.dataset.then) location.assign(region.dataset.then);
  };
  const poll = async () => {
    const answer = await fetch(address, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.ok && !answer.redirected) {
      swap(region, await answer.text());
      if (answer.headers.get("X-Live") === "over") return over();
    }
    timer = setTimeout(poll, 5000);
  };
  const listen = () => {
    if (!("EventSource" in window)) return poll();
    events = new EventSource(address);
    events.addEventListener("now", (event) => swap(region, event.data));
    events.addEventListener("last", (event) => { swap(region, event.data); over(); });
    events.addEventListener("over", over);
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) { events = null; clearTimeout(timer); timer = setTimeout(poll, 5000); }
    });
  };
  // One stream per page that is looked at: browsers allow six connections to a host.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { events?.close(); clearTimeout(timer); } else if (!region.dataset.stopped) listen();
  });
  listen();
});

// A menu or account panel closes with Escape and when something else is pressed.
document.addEventListener("click", (event) => all("details.who[open]").forEach((open) => {
  if (!open.contains(event.target)) open.open = false;
}));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  all("details.who[open]").forEach((open) => { open.open = false; open.querySelector("summary").focus(); });
});

const start = (root) => [copies, reveals, ticks, autos, presses, counts, lives].forEach((begin) => begin(root));
start(document);
document.querySelector("[data-focus]")?.focus();
document.documentElement.dataset.ready = "1";
