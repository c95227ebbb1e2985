// The API's reader: Swagger UI over the shop's own document. Nothing of it comes from elsewhere.
const reader = document.getElementById("reader");

// Below the title (h1) it begins with h3: told as what it is, the next level.
new MutationObserver(() => {
  for (const tag of reader.querySelectorAll("h3.opblock-tag:not([aria-level])")) tag.ariaLevel = "2";
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
