// The API's reader: Swagger UI over the shop's own document. Nothing of it comes from elsewhere.
SwaggerUIBundle({
  url: document.getElementById("reader").dataset.document,
  dom_id: "#reader",
  deepLinking: true,
  presets: [SwaggerUIBundle.presets.apis],
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
