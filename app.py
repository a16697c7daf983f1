"""The app: `streamlit run app.py` or `fiscalsim app`. Guarded, because each spawned worker imports this file again."""

if __name__ == "__main__":
    from fiscalsim.dashboard.frame import main

    main()
