"use strict";
(function () {
  var form = document.getElementById("filter");
  var words = document.getElementById("filter-words");
  var outcome = document.getElementById("filter-outcome");
  var count = document.getElementById("filter-count");
  var checks = Array.from(document.querySelectorAll("article.check"));
  var sections = Array.from(document.querySelectorAll("section.requirement"));
  function apply() {
    var wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    var shown = 0;
    checks.forEach(function (check) {
      var text = (check.parentNode.id + " " + check.textContent).toLowerCase();
      var fits = wanted.every(function (word) { return text.includes(word); });
      check.hidden = !fits || (outcome.value !== "" && check.dataset.outcome !== outcome.value);
      shown += check.hidden ? 0 : 1;
    });
    var all = shown === checks.length;
    sections.forEach(function (section) {
      section.hidden = !all && !section.querySelector("article.check:not([hidden])");
    });
    count.textContent = all ? "" : shown + " of " + checks.length + " checks";
  }
  function reveal() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) { return; }
    if (target.closest("[hidden]")) { form.reset(); apply(); }
    var folded = target.querySelector("details");
    if (target.tagName === "LI" && folded) { folded.open = true; }
    target.scrollIntoView();
  }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("submit", function (event) { event.preventDefault(); });
  window.addEventListener("hashchange", reveal);
  reveal();
})();
