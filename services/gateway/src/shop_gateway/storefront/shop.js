// The storefront: a page over the public API, to try the shop by hand.
const $ = (id) => document.getElementById(id);
const basket = new Map();
let token = sessionStorage.getItem("token");

// Minor units by ISO 4217, as the API counts them: a browser's own digits are how people write a currency (IDR without sen).
const DIGITS = Object.fromEntries(Object.entries({
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "UYW",
}).flatMap(([digits, currencies]) => currencies.split(" ").map((currency) => [currency, Number(digits)])));

const money = ({ amount, currency }) => {
  const digits = DIGITS[currency] ?? 2;
  return new Intl.NumberFormat(undefined, { style: "currency", currency, maximumFractionDigits: digits }).format(amount / 10 ** digits);
};

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  return Object.assign(made, attributes);
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

async function call(method, path, body, headers = {}) {
  const response = await fetch(path, {
    method,
    headers: {
      ...(body && { "Content-Type": "application/json" }),
      ...(token && { Authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  if (response.ok) return answer;
  const fields = (answer.errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`);
  throw new Error([answer.detail, ...fields].join(" "));
}

const guarded = (work) => async (event) => {
  try {
    notice("");
    await work(event);
  } catch (error) {
    notice(error.message);
  }
};

async function showProducts(query = "") {
  const { items } = await call("GET", `/v1/products?limit=60${query && `&q=${encodeURIComponent(query)}`}`);
  $("products").replaceChildren(...items.map((product) => {
    const card = document.createElement("article");
    if (product.image_url) card.append(element("img", "", { src: product.image_url, alt: "", loading: "lazy" }));
    const add = element("button", "Add to basket", { type: "button" });
    add.addEventListener("click", () => {
      const line = basket.get(product.id) ?? { product, quantity: 0 };
      basket.set(product.id, { product, quantity: line.quantity + 1 });
      showBasket();
    });
    card.append(element("h3", product.name), element("span", money(product.price)), add);
    return card;
  }));
}

function showBasket() {
  $("basket").replaceChildren(...[...basket.values()].map(({ product, quantity }) =>
    element("li", `${quantity} × ${product.name}, ${money(product.price)}`)));
  $("order").disabled = basket.size === 0;
}

function showWho(email = sessionStorage.getItem("email")) {
  $("who").textContent = token ? email : "Not signed in";
  $("sign").textContent = token ? "Sign out" : "Sign in";
}

async function signIn(email, password) {
  const answer = await call("POST", "/v1/auth/token", { grant_type: "password", email, password });
  token = answer.access_token;
  sessionStorage.setItem("token", token);
  sessionStorage.setItem("email", email);
  showWho(email);
}

async function placeOrder() {
  if (!token) return $("account").showModal();
  const lines = [...basket.values()];
  const order = await call("POST", "/v1/orders", {
    items: lines.map(({ product, quantity }) => ({ product_id: product.id, quantity })),
    shipping_address: { name: $("who").textContent, line1: "1 Market Street", city: "Springfield", postal_code: "12345", country: "US" },
    payment: { provider: "stripe", method: "card", currency: lines[0].product.price.currency, token: "pm_card_visa" },
  }, { "Idempotency-Key": crypto.randomUUID() });
  basket.clear();
  showBasket();
  await track(order.id);
}

// Server-sent events by fetch: EventSource could not send the token.
async function track(id) {
  $("tracking").hidden = false;
  $("history").replaceChildren();
  const response = await fetch(`/v1/orders/${id}/events`, { headers: { Authorization: `Bearer ${token}` } });
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
      if (data) $("history").append(element("li", JSON.parse(data).status));
    }
  }
}

$("search").addEventListener("submit", guarded(async (event) => {
  event.preventDefault();
  await showProducts(new FormData(event.target).get("q"));
}));
$("order").addEventListener("click", guarded(placeOrder));
$("sign").addEventListener("click", () => {
  if (!token) return $("account").showModal();
  token = null;
  sessionStorage.clear();
  showWho();
});
$("account").addEventListener("close", guarded(async ({ target: dialog }) => {
  const { email, password, name } = Object.fromEntries(new FormData(dialog.querySelector("form")));
  if (!dialog.returnValue) return;
  if (dialog.returnValue === "up") await call("POST", "/v1/users", { email, password, name });
  await signIn(email, password);
}));

showWho();
guarded(() => showProducts())();
