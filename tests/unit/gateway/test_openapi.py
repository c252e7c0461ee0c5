"""The published contract."""

import json
from typing import Any

import jsonschema
import pytest

from ocrgate.errors import leaves
from ocrgate.formats import Format
from ocrgate.gateway.docs_page import html
from ocrgate.gateway.openapi import OPERATIONS, TYPES
from ocrgate.gateway.problem import STATUS
from ocrgate.gateway.reference import api_markdown, operations
