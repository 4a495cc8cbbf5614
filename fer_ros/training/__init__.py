"""From FER2013 to the shipped model. The only part of the package that imports torch."""
