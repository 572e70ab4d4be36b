// The theme's icon script replaces <i> elements; nested, it leaves the ones that widgets write to alone.
window.FontAwesomeConfig = { autoReplaceSvg: 'nest' };
