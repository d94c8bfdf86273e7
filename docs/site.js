// What the theme does not tell a screen reader, and does not let the keyboard reach.
"use strict";
document.querySelector("#search-results")?.before(Object.assign(document.createElement("h1"), { textContent: "Search" }));
for (const each of document.querySelectorAll("[role=heading]")) each.ariaLevel = 2;
for (const [kind, label] of [["sidebar", "Site"], ["toc", "On this page"]])
  document.querySelector(`aside.${kind}-drawer`)?.setAttribute("aria-label", label);
for (const each of document.querySelectorAll("pre, .text_html, .table-wrapper")) each.tabIndex = 0;
for (const table of document.querySelectorAll(".table-wrapper, .text_html"))
  Object.assign(table, { role: "group", ariaLabel: table.querySelector("caption")?.textContent.trim() || "Table" });
