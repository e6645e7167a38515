# Airflow as Astronomer builds it; `astro dev start` makes this image. Runtime 3.3-2 contains Airflow 3.3.2, the
# version in requirements.lock. The image installs packages.txt and requirements.txt by itself, then copies the project.
FROM astrocrpublic.azurecr.io/runtime:3.3-2

# DAGs import include/ and lake/ from the project's root.
ENV PYTHONPATH=/usr/local/airflow \
    # Great Expectations reports usage to its maker unless told not to.
    GX_ANALYTICS_ENABLED=false
