// The API's reader: Swagger UI over the shop's own document. Nothing of it comes from elsewhere.
const reader = document.getElementById("reader");

// What Swagger UI leaves unsaid to readers of the screen: what its parts are, and that below the
// title (h1) the groups of operations (h3) and the schemas (h4) are the next level.
const UNSAID = {
  ".information-container": { role: "region", ariaLabel: "About" },
  ".filter-container": { role: "search", ariaLabel: "Filter by tag" },
  "h3.opblock-tag": { ariaLevel: "2" },
  "section.models h4": { ariaLevel: "2" },
};
new MutationObserver(() => {
  for (const [selector, said] of Object.entries(UNSAID)) {
    for (const part of reader.querySelectorAll(selector)) Object.assign(part, said);
  }
  // Within the button that opens an operation its link is one more that does the same.
  for (const link of reader.querySelectorAll(".opblock-summary-path a[href]")) link.removeAttribute("href");
}).observe(reader, { childList: true, subtree: true });

SwaggerUIBundle({
  url: reader.dataset.document,
  dom_id: "#reader",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
