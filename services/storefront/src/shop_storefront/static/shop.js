// What makes the pages livelier. Without it everything works: these are the pages' own links and forms.

// Moments in the reader's own time zone.
function localTimes(root) {
  const form = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = form.format(new Date(time.dateTime));
  }
}

// Markup as a page that holds it would tell it.
function asInPage(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.innerHTML.trim();
}

// An order as it goes on: each event of the stream asks for the part of the page that changes. Its new state is said to who
// hears the page; the element for that is there before (WCAG 4.1.3, ARIA22).
function follow(part) {
  const news = document.getElementById("news");
  const state = () => part.querySelector(".state").textContent;
  const source = new EventSource(part.dataset.events);
  let asking = false;
  let again = false;
  let shown = part.innerHTML.trim();
  async function show() {
    if (asking) { again = true; return; }
    asking = true;
    // Away for a moment: the next event, or the next look, asks again.
    const answer = await fetch(part.dataset.progress, { redirect: "error" }).catch(() => null);
    const fresh = answer?.ok ? asInPage(await answer.text()) : shown;
    if (part.matches(":active")) { // a button that goes while it is pressed does nothing
      setTimeout(show, 300);
    } else if (fresh !== shown) { // else focus and reading would start anew for nothing
      const before = state();
      shown = fresh;
      const held = part.contains(document.activeElement) ? document.activeElement.outerHTML : "";
      part.innerHTML = fresh; // our own page's part, escaped by its template
      const same = [...part.querySelectorAll("a, button, [tabindex]")].find((each) => each.outerHTML === held);
      same?.focus({ preventScroll: true }); // who goes by the keyboard stays where they are
      localTimes(part);
      if (state() !== before) news.textContent = state();
    }
    // A stream that was refused, as too many are open, leaves the looks, for as long as there is something to see.
    const ended = !answer?.ok || !part.querySelector("[data-open]");
    if (ended && source.readyState === EventSource.CLOSED) clearInterval(looking);
    asking = false;
    if (again) { again = false; await show(); }
  }
  for (const status of ["pending", "reserved", "paid", "cancelling", "shipped", "delivered", "rejected", "cancelled", "expired", "refunded"]) {
    source.addEventListener(status, show);
  }
  // The payment's page is known a moment after the stock: no event of the order tells it.
  const looking = setInterval(show, 4000);
  for (const status of ["delivered", "rejected", "expired", "refunded"]) {
    source.addEventListener(status, () => { clearInterval(looking); source.close(); });
  }
}

// A form that is to be sent once is, however often its button is pressed. Who stopped it can send it again: its key counts once.
function once(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 10_000);
  });
  addEventListener("pageshow", () => { delete form.dataset.sent; });
}

document.querySelectorAll("[data-events]").forEach(follow); // before the times are put in another zone
localTimes(document);
document.querySelectorAll("form[data-once]").forEach(once);
