// A JupyterLab extension, written by hand: nothing is built. It gives names and roles to what
// JupyterLab leaves nameless, so that a screen reader can tell the cells apart, and more contrast
// to what JupyterLab shows pale (at least 4.5 : 1, WCAG 2.2, 1.4.3).
(() => {
  const contrast = `
    :root body {
      --jp-cell-prompt-not-active-font-color: #595959;
      --jp-cell-inprompt-font-color: #2a4b8d;
      --jp-cell-outprompt-font-color: #8a3b1d;
      --jp-mirror-editor-bracket-color: #5c5c3d;
      --jp-mirror-editor-comment-color: #2f6464;
      --jp-mirror-editor-number-color: #006600;
      --jp-cell-prompt-not-active-opacity: 1;
    }
    .jp-RenderedHTMLCommon a, .jp-OutputArea-output a { text-decoration: underline !important; }
    .jp-OutputArea-output pre span { color: inherit !important; background: none !important; }
  `;
  const name = (element, text) => {
    if (!element.hasAttribute('aria-label')) element.setAttribute('aria-label', text);
  };
  const mend = () => {
    document.querySelectorAll('jp-button[aria-pressed]').forEach(button => {
      button.removeAttribute('aria-pressed'); // only the button inside may say so
    });
    document.querySelectorAll('.jp-WindowedPanel-viewport > .jp-Cell').forEach(cell => {
      if (cell.getAttribute('role') !== 'article') cell.setAttribute('role', 'article');
    });
    document.querySelectorAll('.jp-collapseHeadingButton').forEach(button => {
      name(button, 'Fold or unfold this section');
    });
    document.querySelectorAll('.jp-OutputArea-output:has(table), .jp-Dialog-body').forEach(wide => {
      if (!wide.hasAttribute('tabindex')) wide.tabIndex = 0; // scrolled with the arrow keys
    });
    document.querySelectorAll('.jp-CodeCell .jp-RenderedImage img:not([alt])').forEach(image => {
      const code = image.closest('.jp-CodeCell').querySelector('.cm-content')?.innerText || '';
      const titles = [...code.matchAll(/title(?:=|\()f?["']([^"']+)/g)].map(found => found[1]);
      image.alt = ['Figure', ...titles].join(': ') + '. The text beside it says what to see.';
    });
    document.querySelectorAll('.jp-Cell .cm-content').forEach(editor => {
      const given = editor.getAttribute('aria-readonly') === 'true' ? 'Given' : 'Your';
      name(editor, editor.closest('.jp-CodeCell') ? `${given} code` : `${given} text`);
    });
  };
  let waiting = false;
  const later = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      mend();
    });
  };
  const plugin = {
    id: 'mlelabs-names:plugin',
    autoStart: true,
    activate: () => {
      document.head.append(Object.assign(document.createElement('style'), { textContent: contrast }));
      new MutationObserver(later).observe(document.body, {
        childList: true,
        subtree: true,
        attributeFilter: ['aria-pressed']
      });
      later();
    }
  };
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['mlelabs-names'] = {
    init: () => {},
    get: async () => () => ({ __esModule: true, default: plugin })
  };
})();
